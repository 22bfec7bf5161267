# SPDX-License-Identifier: GPL-2.0-only
"""run.json: everything that was asked, given and found, in the form that analysis reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acceptlab.analysis.run import run_info
from acceptlab.toolkit.firmware.boot_handoff import Handoff
from acceptlab.toolkit.kernels import kernel_names
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.kernels.support import Support
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.qemu import bases
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.ranges import UNIT, Range
from acceptlab.toolkit.run.devices import DEVICES, Q35
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.run.outcome import Outcome
from acceptlab.toolkit.run.policy import Policy
from acceptlab.toolkit.run.probes import Defaults, Probe

if TYPE_CHECKING:
    from acceptlab.analysis.trace.event_writer import StreamSummary
    from acceptlab.toolkit.guest.shell import Shell
    from acceptlab.toolkit.kernels.modules import Module
    from acceptlab.toolkit.run.root_on_disk import RootOnDisk


def describe(
    options: RunOptions,
    kernel: Kernel,
    handoff: run_info.Handoff,
    initrd_sha256: str,
    command_line: str,
    emulator: Emulator,
    probes: Iterable[Probe],
    report: dict[str, Any] | None,
    outcome: Outcome,
    support: Support,
    events: run_info.EventsInfo,
    seconds: float,
    second: Kernel | None,
    policy: Policy,
    usual: Defaults,
    firmware: run_info.Firmware | None = None,
    shell: Shell | None = None,
    root: RootOnDisk | None = None,
    modules: Sequence[Module] = (),
) -> run_info.RunInfo:
    """Return the contents of run.json."""
    return run_info.RunInfo(
        platform=options.platform,
        clock="instructions" if options.threads == "single" else "ns",
        outcome=outcome.word,
        reason=outcome.reason,
        source="emulator",
        kernel=_kernel(kernel, options.vmlinux),
        series=kernel.series,
        second=_second(options, kernel, second),
        command_line=command_line,
        initrd_sha256=initrd_sha256,
        machine=run_info.Machine(
            memory=options.memory_bytes,
            cpus=options.cpus,
            accept=policy.ran,
            seed=options.seed,
            kaslr=options.kaslr,
            refused=policy.refused,
        ),
        handoff=handoff,
        firmware=firmware,
        host=run_info.Host(options.backing, options.host_assign, options.host),
        attacks=options.attacks,
        hotplug=options.hotplug,
        probes=tuple(
            run_info.Probe(probe.name, probe.address, probe.names, probe.kernel) for probe in probes
        ),
        default_probes=run_info.DefaultProbes(usual.names, usual.missing),
        emulator={
            "version": emulator.build["qemu"],
            "debian_version": emulator.build["debian_version"],
            "key": emulator.key,
            "threads": options.threads,
            "cpu": options.cpu,
            "la57": options.la57,
            "implicit_conversion": options.converts_implicitly,
            "schedule": options.schedule,
            "machine": Q35 if options.has_pci else options.machine,
            "devices": list(options.devices),
            **(
                {"pending_ve": options.pending_ve}
                if PLATFORMS[options.platform].has_pending_ve
                else {}
            ),
            **(
                {
                    "tdx_module": options.tdx_module,
                    "shared_access": options.answer_to_shared_access,
                }
                if PLATFORMS[options.platform].has_tdx_module
                else {}
            ),
            **(
                {"sev_features": options.sev_features}
                if PLATFORMS[options.platform].has_sev_features
                else {}
            ),
        },
        report=report,
        events=events,
        reproduce=_base_named(emulator)
        + options.reproduce(_reproducible_name(kernel))
        + (" --shell" if shell else ""),
        not_repeatable=_why_not_repeatable(options, shell),
        other={
            "emulator_wall_seconds": round(seconds, 3),
            "kernel_support": asdict(support),
            **attacks_done(report),
            **({"root": root.to_json()} if root else {}),
            **({"modules": [one.name for one in modules]} if modules else {}),
        },
    )


def _why_not_repeatable(options: RunOptions, shell: Shell | None) -> str:
    """Return why the same line need not make the same run; empty where it does."""
    if shell:
        return shell.why_not_repeatable
    if options.threads == "multi":
        return "its vCPUs ran on threads of their own (--threads multi)"
    why = (DEVICES[name].why_not_repeatable for name in options.devices)
    return next((reason for reason in why if reason), "")


def _base_named(emulator: Emulator) -> str:
    """Return what names the emulator's base in a shell line; nothing for the default."""
    version = emulator.build["qemu"]
    return "" if version == bases.default().version else f"{bases.VARIABLE}={version} "


def attacks_done(report: dict[str, Any] | None) -> dict[str, Any]:
    """Return run.json's `attacks_done`: each injected act and how often it took place.

    Nothing where the emulator left no report: what took place is not known then.
    """
    done = (report or {}).get("attacks")
    return {} if done is None else {"attacks_done": done}


def _kernel(kernel: Kernel, vmlinux: str) -> run_info.Kernel:
    vmlinux = vmlinux or str(kernel.vmlinux or "")
    return run_info.Kernel(
        name=kernel.name,
        path=str(kernel.image),
        version=kernel.version,
        sha256=kernel.sha256,
        vmlinux=str(Path(vmlinux).resolve()) if vmlinux else "",
        package=kernel.package,
        configuration=kernel.configuration,
        compiler=kernel.compiler,
    )


def _second(
    options: RunOptions, kernel: Kernel, second: Kernel | None
) -> run_info.SecondKernel | None:
    """Return what run.json says of a second kernel; symbols that were given by hand are the first one's."""
    if second is None or options.second_start is None:
        return None
    vmlinux = options.vmlinux if second.sha256 == kernel.sha256 else ""
    return run_info.SecondKernel(options.second_start.name, _kernel(second, vmlinux))


def _reproducible_name(kernel: Kernel) -> str:
    """Return the kernel's name, or its whole path when it was given by path; of the newest kernel the name of its version."""
    if kernel.name.partition("/")[0] == kernel_names.NEWEST:
        return kernel_names.version_name(kernel.version, kernel.name.partition("/")[2])
    if kernel_names.is_name(kernel.name):
        return kernel.name
    return str(kernel.image) if "/" in kernel.name or Path(kernel.name).exists() else kernel.name


def handoff_of(handoff: Handoff) -> run_info.Handoff:
    """Return the boot handoff as run.json has it."""
    table = handoff.stub.table
    return run_info.Handoff(
        ram=_pairs(handoff.memory_map.ram),
        accepted=_pairs(handoff.accepted),
        unaccepted=_pairs(handoff.unaccepted),
        nodes=tuple(
            (item.start, item.size, number)
            for number, node in enumerate(handoff.nodes)
            for item in node.memory
        ),
        blobs=tuple(
            run_info.Blob(blob.name, blob.address, len(blob.data)) for blob in handoff.blobs
        ),
        bitmap=run_info.Bitmap(
            table=handoff.unaccepted_table,
            phys_base=table.phys_base,
            unit_size=UNIT,
            size=len(table.bitmap),
        )
        if table
        else None,
    )


def events_info(summary: StreamSummary | None) -> run_info.EventsInfo:
    """Return what run.json says of the event stream; None is a run whose events were switched off."""
    if summary is None:
        return run_info.EventsInfo(problem="recording was disabled (--no-events)")
    return run_info.EventsInfo(
        count=summary.events,
        complete=summary.complete,
        problem=summary.problem,
        sha256=summary.sha256,
    )


def _pairs(ranges: Iterable[Range]) -> tuple[tuple[int, int], ...]:
    return tuple((item.start, item.size) for item in ranges)
