# SPDX-License-Identifier: GPL-2.0-only
"""What no run can have: values out of range, and options that exclude each other or that a platform lacks. Each is one line."""

from __future__ import annotations

import os
import re
from pathlib import Path

from acceptlab.analysis.run.run_info import POLICIES, POLICY
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.firmware_launch import q35_ram
from acceptlab.toolkit.firmware.memory_map import usable_ram
from acceptlab.toolkit.firmware.numa import NODES_MAX
from acceptlab.toolkit.guest import command
from acceptlab.toolkit.guest.root_image import check_root
from acceptlab.toolkit.guest.workloads import SAME, workload_options
from acceptlab.toolkit.platforms import ANY_PROCESSOR, CONFIDENTIAL, PLATFORMS
from acceptlab.toolkit.run.attacks import check_attack
from acceptlab.toolkit.run.declared_options import DeclaredOptions
from acceptlab.toolkit.run.devices import DEVICES, Q35
from acceptlab.toolkit.run.option import options_of, refused
from acceptlab.toolkit.run.saving_limits import obstacle
from acceptlab.toolkit.run.schedule import parse_schedule

MAX_VCPUS_ON_HARDWARE = 4096
"""KVM's own limit on x86-64 (KVM_MAX_VCPUS, Linux 6.12)."""
MAX_VCPUS = 64
"""As many have been tried: Debian's 7.3 as SNP guest, and a 7.3 of our own as TD. The machine itself would take 255."""
_MAX_SEED = (1 << 63) - 1
_LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path (unix(7): sun_path, with its NUL)."""


def check(options: DeclaredOptions) -> None:
    """Raise BadInputError for a value that no run can have. Nothing is built, fetched or booted for it."""
    _check_vcpus(options)
    _check_hardware(options)
    _check_choices(options)
    _check_policy(options)
    _check_processor(options)
    _check_platform(options)
    _check_module(options)
    _check_schedule(options)
    _check_numbers(options)
    _check_repeated(options)
    _check_firmware(options)
    _check_qmp(options)
    _check_saved(options)
    _check_tests(options)
    _check_workloads(options)
    _check_hotplug(options)
    _check_nodes(options)
    _check_root(options)
    _check_machine(options)


def _check_vcpus(options: DeclaredOptions) -> None:
    most = MAX_VCPUS_ON_HARDWARE if options.hardware else MAX_VCPUS
    if not 1 <= options.cpus <= most:
        raise BadInputError(f"--cpus {options.cpus}: must be 1 to {most}")


def _check_saved(options: DeclaredOptions) -> None:
    why = obstacle(options) if options.from_saved else ""
    if why:
        raise BadInputError(f"--from-saved: not with {why}")
    if options.from_saved and options.hold:
        raise BadInputError("--hold: not with --from-saved, whose first events are over")


def _check_hardware(options: DeclaredOptions) -> None:
    for name in refused(options, type(options)) if options.hardware else ():
        raise BadInputError(f"{name}: emulator only; drop it, or --hardware")


def _check_choices(options: DeclaredOptions) -> None:
    for item, shown in options_of(type(options)).values():
        value = getattr(options, item.name)
        if shown.choices and value not in shown.choices + shown.inner_choices:
            raise BadInputError(f"{shown.name} {value}: must be one of {', '.join(shown.choices)}")


def _check_policy(options: DeclaredOptions) -> None:
    if not POLICY.fullmatch(options.accept):
        raise BadInputError(
            f"--accept {options.accept}: must be one of {', '.join(POLICIES)}, or several joined by '+'; "
            "a number may follow, such as deferred:4"
        )


def _check_processor(options: DeclaredOptions) -> None:
    offered = PLATFORMS[options.platform].processors
    if options.cpu not in (ANY_PROCESSOR, *offered):
        raise BadInputError(
            f"--cpu {options.cpu}: a guest of --platform {options.platform} has {', '.join(offered) or 'none by name'}"
        )


def _check_platform(options: DeclaredOptions) -> None:
    if options.pending_ve != "off":
        _needs(options, "has_pending_ve", "--pending-ve: only a TD has #VE")
    if options.la57:
        _needs(
            options,
            "has_la57",
            "--la57: Linux switches to five levels of page tables in 32-bit mode, where CR3 has no bit for private memory",
        )
    if options.sev_features != "none":
        _needs(options, "has_sev_features", "--sev-features: only an SNP guest has them")


def _check_module(options: DeclaredOptions) -> None:
    for item in ("tdx_module", "shared_access"):
        if _is_given(options, item):
            _needs(options, "has_tdx_module", f"--{item.replace('_', '-')}: only for a TD")


def _needs(options: DeclaredOptions, ability: str, reason: str) -> None:
    """Raise BadInputError where the platform lacks an ability, with the platforms that have it."""
    if not getattr(PLATFORMS[options.platform], ability):
        have = [name for name, one in PLATFORMS.items() if getattr(one, ability)]
        raise BadInputError(f"{reason}; add --platform {' or '.join(have)}")


def _is_given(options: DeclaredOptions, item: str) -> bool:
    return bool(getattr(options, item) != getattr(type(options), item))


def _check_schedule(options: DeclaredOptions) -> None:
    """Refuse a schedule that is none, or that could have no effect."""
    if parse_schedule(options.schedule) is None:
        return
    if options.threads == "multi":
        raise BadInputError(
            f"--schedule {options.schedule}: vCPUs on threads of their own take no turns; drop --threads multi"
        )
    if options.cpus == 1:
        raise BadInputError(
            f"--schedule {options.schedule}: one vCPU has no other order; add --cpus 2"
        )


def _check_numbers(options: DeclaredOptions) -> None:
    if not 0 <= options.seed <= _MAX_SEED:
        raise BadInputError(f"--seed {options.seed}: must be 0 to {_MAX_SEED}")
    if not options.time_limit > 0:
        raise BadInputError(f"--time-limit {options.time_limit:g}: must be more than 0 seconds")


def _check_repeated(options: DeclaredOptions) -> None:
    for name, what, values in (
        ("--probe", "function", options.probes),
        ("--count", "function", options.counts),
        ("--probe-lock", "lock", options.probe_locks),
    ):
        if len(set(values)) != len(values):
            raise BadInputError(f"{name}: {what} given twice")


def _check_firmware(options: DeclaredOptions) -> None:
    """Refuse options that firmware itself decides."""
    if not options.has_firmware:
        return
    for item in ("firmware_accepts", "accepted", "handoff", "low_memory", "holes", "hold"):
        if _is_given(options, item):
            shown = next(
                one.name for field, one in options_of(type(options)).values() if field.name == item
            )
            raise BadInputError(f"{shown}: only for a boot handoff; drop it, or --firmware")
    if not PLATFORMS[options.platform].is_confidential:
        raise BadInputError(f"--firmware: only for {' or '.join(CONFIDENTIAL)}")


def _check_qmp(options: DeclaredOptions) -> None:
    if len(os.fsencode(options.qmp)) > _LONGEST_SOCKET:
        raise BadInputError(
            f"--qmp {options.qmp}: a Unix socket's path has at most {_LONGEST_SOCKET} bytes"
        )
    if options.qmp and Path(options.qmp).exists():
        raise BadInputError(f"--qmp {options.qmp}: exists already; give a new path")


def _check_tests(options: DeclaredOptions) -> None:
    if re.search(r"[\s\"]", options.kunit):
        raise BadInputError(f"--kunit {options.kunit!r}: no spaces or quotes: 'suite*.test*'")


def _check_workloads(options: DeclaredOptions) -> None:
    """Look at programs, workloads and attacks long before a boot handoff is built, and an emulator for it."""
    if options.program:
        if not options.root:
            command.program_of(options.program)
        if options.initrd:
            raise BadInputError("--exec: our init runs the program; drop --initrd")
    ram = usable_ram(options.memory_request, options.platform)
    if options.has_firmware:
        ram = q35_ram(options.memory_bytes)
    workload_options(options.workloads)
    for text in options.attacks:
        check_attack(text, options.platform, ram)


def _check_hotplug(options: DeclaredOptions) -> None:
    """Refuse steps that no host can take, or that the machine cannot."""
    if options.hotplug and not PLATFORMS[options.platform].is_confidential:
        raise BadInputError(f"--hotplug: only for {' or '.join(CONFIDENTIAL)}")
    if options.hotplug and options.has_firmware:
        raise BadInputError("--hotplug: only for a boot handoff; drop it, or --firmware")
    _ = options.hotplug_script


def _check_root(options: DeclaredOptions) -> None:
    """Refuse what cannot have a root file system, and what has no effect without one."""
    has_memory = options.hotplug_script.virtio_slot is not None
    if options.modules and not (options.root or has_memory or options.devices):
        raise BadInputError("--modules: only with --root, --device or a virtio-mem device; add one")
    if options.modules and not Path(options.modules).is_dir():
        raise BadInputError(f"--modules {options.modules}: no such folder")
    if has_memory and options.initrd:
        raise BadInputError("--hotplug with resize: our init loads virtio-mem; drop --initrd")
    if not options.root:
        if _is_given(options, "root_mode"):
            raise BadInputError("--root-mode: only with --root; add it")
        return
    check_root(options.root)
    if options.initrd:
        raise BadInputError("--root: our init mounts it; drop --initrd")
    second = options.second_start
    if second and second.kernel != SAME:
        raise BadInputError("--root: a second kernel has to be the same one, for its modules")


def _check_machine(options: DeclaredOptions) -> None:
    """Refuse devices that there are not, and what a q35 lacks."""
    for name in options.devices:
        if name not in DEVICES:
            raise BadInputError(f"--device {name}: must be one of {', '.join(DEVICES)}")
    if len(set(options.devices)) != len(options.devices):
        raise BadInputError("--device: device given twice")
    if options.devices and options.initrd:
        raise BadInputError("--device: our init loads the drivers; drop --initrd")
    if options.machine != Q35:
        return
    if options.hotplug:
        raise BadInputError("--hotplug: only for --machine microvm")
    if _is_given(options, "low_memory"):
        raise BadInputError("--low-memory: a q35 has its own; drop it, or --machine q35")
    if not PLATFORMS[options.platform].is_confidential:
        raise BadInputError(f"--machine q35: only for {' or '.join(CONFIDENTIAL)}")


def _check_nodes(options: DeclaredOptions) -> None:
    if not 1 <= options.numa <= NODES_MAX:
        raise BadInputError(f"--numa {options.numa}: must be 1 to {NODES_MAX}")
    if options.numa > 1 and options.has_firmware:
        raise BadInputError("--numa: only for a boot handoff; drop it, or --firmware")
    _ = options.nodes
