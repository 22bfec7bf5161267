# SPDX-License-Identifier: GPL-2.0-only
"""One run from options to a finished run folder."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acceptlab.analysis.run import run_info
from acceptlab.analysis.run.run_folder import FIRMWARE_EVENTS
from acceptlab.toolkit.firmware.boot_handoff import Handoff
from acceptlab.toolkit.firmware.handoff_files import write_handoff
from acceptlab.toolkit.kernels.modules import Module
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.kernels.support import Support, outweighed, remark
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.progress import say, step
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run import (
    firmware_run,
    outcome,
    probes,
    record,
    saved_guest,
)
from acceptlab.toolkit.run.emulator_command import RunFiles, emulator_command
from acceptlab.toolkit.run.firmware_run import FirmwareStart, prepare_firmware
from acceptlab.toolkit.run.follower import Follower
from acceptlab.toolkit.run.launch import Ending, launch, on_terminal
from acceptlab.toolkit.run.materials import SharedMaterials, gather
from acceptlab.toolkit.run.new_folder import claimed
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.run.policy import policy_of
from acceptlab.toolkit.run.probes import Defaults
from acceptlab.toolkit.run.root_on_disk import (
    RootOnDisk,
)

if TYPE_CHECKING:
    from acceptlab.analysis.trace.event_writer import StreamSummary
    from acceptlab.toolkit.guest.shell import Shell
    from acceptlab.toolkit.run.live_judge import LiveJudge


@dataclass(frozen=True)
class Prepared:
    """A run that is ready to start."""

    options: RunOptions
    kernel: Kernel
    emulator: Emulator
    handoff: Handoff | None
    """None: firmware starts the guest."""
    firmware: FirmwareStart | None
    initrd: bytes
    command_line: str
    probes: list[probes.Probe]
    command: list[str]
    files: RunFiles
    support: Support
    second: Kernel | None
    """The kernel that the guest is to start by kexec or kdump."""
    no_symbols: str
    """Why no symbols were found; "" when they were."""
    usual: Defaults
    """The probes that nobody asked for, which are among ``probes``."""
    shell: Shell | None
    root: RootOnDisk | None
    modules: list[Module]
    stops_on_finding: bool = False


@dataclass(frozen=True)
class Finished:
    """A recorded run."""

    folder: Path
    outcome: outcome.Outcome
    interrupted: bool
    seconds: float
    events: StreamSummary | None
    stopped: bool = False
    """Whether it was stopped at a finding."""


def perform(
    options: RunOptions,
    kernel: Kernel,
    emulator: Emulator,
    folder: Path,
    keep_handoff: bool,
    shell: Shell | None = None,
    stop_on_finding: bool = False,
    shared: SharedMaterials | None = None,
) -> Finished:
    """Run one guest and record it in `folder`, which has to be new or empty; `shared` has what runs before this one were made of.

    Raises BadInputError or MachineError with the folder as it was before when there is nothing to record; a guest that fails,
    a time limit, Ctrl-C or a killed emulator is an outcome, and recorded.
    """
    folder = folder.resolve()
    with claimed(folder):
        ready = prepare(options, kernel, emulator, folder, shell, shared)
        ready = replace(ready, stops_on_finding=stop_on_finding)
        if options.from_saved:
            ready = _going_on(ready, Path(options.from_saved))
        if ready.no_symbols:
            say(
                f"no symbols: functions are shown as addresses, and panic() is not detected ({ready.no_symbols})"
            )
        ending = _launch(ready)
        finished = _record(ready, ending)
        if not keep_handoff:
            shutil.rmtree(ready.files.handoff)
        return finished


def identity_of(ready: Prepared) -> saved_guest.Identity:
    """Return what a guest that is saved has to have in common with one that goes on from it."""
    return saved_guest.Identity(
        ready.emulator.key, ready.kernel.sha256, _sha256(ready.initrd), ready.command_line
    )


def _going_on(ready: Prepared, folder: Path) -> Prepared:
    """Return the run that goes on from a saved guest in place of a boot. Raises BadInputError for one of another run."""
    saved = saved_guest.read(folder.resolve(), identity_of(ready))
    saved_guest.take_over(saved, ready.files)
    return replace(ready, command=saved_guest.loading(ready.command, saved))


def dry_run(
    options: RunOptions,
    kernel: Kernel,
    emulator: Emulator,
    folder: Path,
    shell: Shell | None = None,
) -> str:
    """Write the boot handoff into `folder` and return the shell line that would start the emulator on it."""
    folder = folder.resolve()
    with claimed(folder):
        return shlex.join(prepare(options, kernel, emulator, folder, shell).command)


def planned(line: str, folder: Path, *, hardware: bool) -> dict[str, Any]:
    """Return what --dry-run says to programs: the command, its backend, and where the emulator writes."""
    files = RunFiles(folder.resolve())
    writes = {
        "console": files.console,
        "events": files.raw_events,
        "report": files.report,
        "snapshots": files.snapshots,
    }
    return {
        "format": 1,
        "backend": "hardware" if hardware else "emulator",
        "command": shlex.split(line),
        "run": str(folder.resolve()),
        "writes": {} if hardware else {name: str(path) for name, path in writes.items()},
    }


def prepare(
    options: RunOptions,
    kernel: Kernel,
    emulator: Emulator,
    folder: Path,
    shell: Shell | None = None,
    shared: SharedMaterials | None = None,
) -> Prepared:
    """Build the boot handoff and everything else that the emulator reads; `shared` has what runs before this one were made of."""
    files = RunFiles(folder)
    made_of = shared.of(options, kernel) if shared and not shell else gather(options, kernel, shell)
    firmware, boot = None, None
    if made_of.handoff:
        written = write_handoff(made_of.handoff, files.handoff)
    else:
        firmware = prepare_firmware(
            options, kernel, made_of.initrd, made_of.command_line, files.handoff
        )
        written, boot = firmware.files, firmware.boot
    files.snapshots.mkdir()
    files.kernel.write_text(json.dumps(made_of.file_with_symbols))
    if made_of.skip_list:
        files.skip_list.write_text(made_of.skip_list)
    if options.attacks:
        files.attacks.write_text("".join(f"{text}\n" for text in options.attacks))
    if options.hotplug:
        files.hotplug.write_text("".join(f"{line}\n" for line in options.hotplug_script.lines))
    if made_of.watched or made_of.counted:
        probes.write(made_of.watched, files.probes, made_of.counted)
    root = made_of.root
    command = emulator_command(
        emulator.binary, emulator.build["qemu"], options, written, files, boot, root.image.path if root else None,
        on_terminal=shell is not None and shell.is_interactive,
    )  # fmt: skip
    return Prepared(
        options, kernel, emulator, made_of.handoff, firmware, made_of.initrd, made_of.command_line, made_of.watched, command, files,
        made_of.support, made_of.second, made_of.no_symbols, made_of.usual, shell, root, made_of.modules,
    )  # fmt: skip


def _launch(ready: Prepared) -> Ending:
    options, files = ready.options, ready.files
    title = f"{ready.kernel.name} as {options.platform} guest, {options.memory} {options.policy}"
    waiting = f"waiting for: acceptlab collect --emulator {files.folder}" if options.hold else ""
    if ready.shell and ready.shell.is_interactive:
        say(title)  # and no live line, for the terminal is the guest's
        ending = on_terminal(ready.command, files.stderr, options.time_limit, waiting)
    else:
        with step(title) as progress:
            follower = Follower(progress, files.console, files.raw_events)
            judge = _live_judge(ready) if ready.stops_on_finding else None

            def watch(seconds: float) -> None:
                follower(seconds)
                if judge:
                    judge(seconds)

            ending = launch(ready.command, files.stderr, options.time_limit, watch, waiting)
    if options.qmp:
        Path(options.qmp).unlink(
            missing_ok=True
        )  # the emulator leaves it where the guest ends by a fatal exit
    has_report = files.report.is_file() or not PLATFORMS[options.platform].is_confidential
    outcome.check_emulator(ending, has_report, files.stderr)
    return ending


def _live_judge(ready: Prepared) -> LiveJudge:
    """Return what judges the run while it goes on, with what is known of the run at its start."""
    from acceptlab.toolkit.run.live_judge import LiveJudge

    assert ready.handoff is not None
    unknown = outcome.Outcome("timeout", "")
    info = record.describe(
        ready.options, ready.kernel, record.handoff_of(ready.handoff), "", ready.command_line, ready.emulator, ready.probes,
        None, unknown, ready.support, record.events_info(None), 0.0, ready.second,
        policy_of(ready.command_line, ""), ready.usual,
    )  # fmt: skip
    return LiveJudge(info, ready.files.raw_events, ready.files.handoff / "judged")


def _record(ready: Prepared, ending: Ending) -> Finished:
    """Turn what the emulator left behind into the run folder's files, run.json last."""
    files = ready.files
    report = outcome.read_report(files.report)
    console = files.console.read_text(errors="replace") if files.console.is_file() else ""
    came_to = outcome.judge(report, console, ending, ready.options.time_limit)
    if ready.second:
        came_to = outcome.of_second_kernel(came_to, console, report)
    events = _convert(files)
    support = _support_as_seen(ready, events is not None)
    came_to = outcome.with_remark(came_to, remark(support, ready.options.platform))
    policy = policy_of(ready.command_line, console)
    if policy.refused:
        say(f"the kernel rejected accept_memory={policy.refused} and used {policy.ran}")
    handoff, firmware = _handoff_info(ready, report)
    info = record.describe(
        ready.options, ready.kernel, handoff, _sha256(ready.initrd), ready.command_line, ready.emulator, ready.probes,
        report, came_to, support, record.events_info(events), ending.seconds, ready.second,
        policy, ready.usual, firmware, ready.shell, ready.root, ready.modules,
    )  # fmt: skip
    files.report.unlink(missing_ok=True)
    _drop_missing_roms(files.stderr)
    if files.stderr.stat().st_size == 0:
        files.stderr.unlink()
    from acceptlab.analysis.kernel.symbol_recorder import write_run

    write_run(files.folder, info, cache() / "symbols")
    stopped = bool(ending.ended)
    return Finished(files.folder, came_to, ending.interrupted, ending.seconds, events, stopped)


def _handoff_info(
    ready: Prepared, report: dict[str, Any] | None
) -> tuple[run_info.Handoff, run_info.Firmware | None]:
    """Return run.json's `handoff`, and its `firmware` where there is some; firmware's events become a file of their own."""
    if ready.handoff:
        return record.handoff_of(ready.handoff), None
    assert ready.firmware is not None
    trace = ready.files.folder / "events.parquet"
    accepted = accepted_at_start(trace) if trace.is_file() else []
    raw, summary = ready.files.raw_firmware_events, None
    if raw.is_file():
        from acceptlab.analysis.trace.stream import convert_raw

        summary = convert_raw(raw, ready.files.folder / FIRMWARE_EVENTS)
        raw.unlink()
    firmware = firmware_run.info_of(ready.firmware, report, record.events_info(summary))
    return firmware_run.handoff_seen(ready.firmware, report, accepted), firmware


def _drop_missing_roms(stderr: Path) -> None:
    """Take out what QEMU says of option ROMs that the emulator is built without, and firmware does not need."""
    lines = stderr.read_text(errors="replace").splitlines(keepends=True)
    left = [line for line in lines if not line.startswith("Could not open option rom")]
    if left != lines:
        stderr.write_text("".join(left))


def accepted_at_start(trace: Path) -> list[tuple[int, int]]:
    """Return what was accepted where the trace begins, as (start, size)."""
    from acceptlab.analysis.trace.events import EventFile
    from acceptlab.analysis.trace.schema import Kind

    first = next(iter(EventFile(trace).batches(("kind", "gpa", "size"))), None)
    if first is None:
        return []
    launched = first["kind"] == Kind.LAUNCH
    return list(zip(first["gpa"][launched].tolist(), first["size"][launched].tolist(), strict=True))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if data else ""


def _support_as_seen(ready: Prepared, has_events: bool) -> Support:
    """Return what the kernel supports: what it did outweighs what its symbols or its configuration suggest."""
    if ready.support.platform is not False or not has_events:
        return ready.support
    from acceptlab.analysis.invariants.evidence import acts_as_guest

    return outweighed(ready.support, acts_as_guest(ready.files.folder / "events.parquet"))


def _convert(files: RunFiles) -> StreamSummary | None:
    if not files.raw_events.is_file():
        return None
    from acceptlab.analysis.trace.stream import (
        convert_raw,  # loads pyarrow, which the boot need not wait for
    )

    with step("writing events.parquet") as progress:
        progress.update(note=f"{files.raw_events.stat().st_size >> 20} MiB of events")
        summary = convert_raw(files.raw_events, files.folder / "events.parquet")
    files.raw_events.unlink()
    return summary
