# SPDX-License-Identifier: GPL-2.0-only
"""What a run is made of before it has a folder: symbols, probes, initramfs, command line, boot handoff.

Most of the time that the preparation of a run takes goes into the kernel's symbols. Runs of one kernel that differ in nothing but attacks,
the schedule or where they begin are made of the same, which is gathered once for them (SharedMaterials).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel.kernel_facts import UNACCEPTED_LOCK
from acceptlab.analysis.run import run_info
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware import acpi
from acceptlab.toolkit.firmware.boot_handoff import Handoff, build_handoff
from acceptlab.toolkit.firmware.bzimage import BzImage, read_bzimage
from acceptlab.toolkit.firmware.layout import GuestRequest
from acceptlab.toolkit.guest import command
from acceptlab.toolkit.guest.disk_modules import with_modules
from acceptlab.toolkit.guest.initramfs import initramfs, with_second_kernel
from acceptlab.toolkit.guest.workloads import SAME, workload_options
from acceptlab.toolkit.kernels.modules import Module
from acceptlab.toolkit.kernels.resolve import Kernel, resolve
from acceptlab.toolkit.kernels.support import Support, support_of
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.run import probes, skip_list
from acceptlab.toolkit.run.emulator_command import virtio_slots
from acceptlab.toolkit.run.host_tsc import host_tsc_khz
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.run.probes import Defaults, Probe
from acceptlab.toolkit.run.root_on_disk import (
    RootOnDisk,
    modules_for,
    prepare_root,
    root_parameter,
)
from acceptlab.toolkit.run.schedule import ROUND_ROBIN

if TYPE_CHECKING:
    from acceptlab.toolkit.guest.shell import Shell


@dataclass(frozen=True)
class Materials:
    """What a run is made of."""

    handoff: Handoff | None
    """None where firmware makes it."""
    initrd: bytes
    command_line: str
    watched: list[Probe]
    counted: list[Probe]
    usual: Defaults
    """The probes that nobody asked for, which are among ``watched``."""
    skip_list: str
    support: Support
    second: Kernel | None
    """The kernel that the guest is to start by kexec or kdump."""
    no_symbols: str
    """Why no symbols were found; "" when they were."""
    file_with_symbols: dict[str, str | None]
    root: RootOnDisk | None
    modules: list[Module]


class SharedMaterials:
    """The materials of the last run, for the next one where that is made of the same."""

    def __init__(self) -> None:
        self._key: tuple[RunOptions, Kernel] | None = None
        self._materials: Materials | None = None

    def of(self, options: RunOptions, kernel: Kernel) -> Materials:
        """Return the materials of a run without a shell. Raises what `gather` raises."""
        key = (
            replace(options, attacks=(), schedule=ROUND_ROBIN, from_saved="", time_limit=1.0),
            kernel,
        )
        if self._materials is None or key != self._key:
            self._materials = gather(options, kernel, None)
            self._key = key
        return self._materials


def gather(options: RunOptions, kernel: Kernel, shell: Shell | None) -> Materials:
    """Return what a run is made of. Raises BadInputError for options that this kernel cannot have."""
    _check_kunit(options, kernel)
    table, no_symbols = _symbols(options, kernel)
    where = options.vmlinux or kernel.name
    watched = probes.resolve(options.probes, table, where)
    watched += probes.resolve_locks(options.probe_locks, table, where)
    counted = probes.resolve_counts(options.counts, table, where)
    usual = Defaults()
    if options.default_probes and options.events:
        usual = probes.defaults(watched, table, where, no_symbols, kernel.requests, kernel.locks)
    watched = probes.with_names([*watched, *usual.watched], kernel)
    command_line = full_command_line(options, shell)
    second = _second_kernel(options, kernel)
    second_table = table if second else []
    if second is not None and second.sha256 != kernel.sha256:
        second_table = _table_of(second)
        locks = {*options.probe_locks, UNACCEPTED_LOCK, *kernel.locks}
        watched, usual = _in_two_kernels(locks, watched, usual, second, second_table)
        counted = [replace(one, kernel=run_info.FIRST) for one in counted]
    modules = modules_for(options, kernel)
    root = prepare_root(options) if options.root else None
    image, initrd = read_bzimage(kernel.image), _initrd(options, second, shell, modules)
    handoff = None
    if not options.has_firmware:
        handoff = build_handoff(_request(options, image, initrd, command_line))
    return Materials(
        handoff,
        initrd,
        command_line,
        watched,
        counted,
        usual,
        skip_list.whole_text(table, kernel.skipped, second_table),
        support_of(
            options.platform, kernel.config, (name for _, name in table), image.knows_unaccepted
        ),
        second,
        no_symbols,
        _file_with_symbols(options, kernel),
        root,
        modules,
    )


def _check_kunit(options: RunOptions, kernel: Kernel) -> None:
    """Raise BadInputError for a kernel that cannot run KUnit tests at boot; one without configuration at hand is tried."""
    if options.kunit and kernel.config and "CONFIG_KUNIT=y\n" not in kernel.config.read_text():
        raise BadInputError(
            f"--kunit: {kernel.name} has no KUnit built in; build one with CONFIG_KUNIT=y (`acceptlab kernel build --config`)"
        )


def _request(options: RunOptions, image: BzImage, initrd: bytes, command_line: str) -> GuestRequest:
    return GuestRequest(
        platform=options.platform,
        kernel=image,
        initrd=initrd,
        cmdline=command_line,
        memory=options.memory_request,
        vcpus=options.cpus,
        shape=options.handoff,
        memory_slots=options.hotplug_script.slots,
        has_memory_devices=options.hotplug_script.virtio_slot is None,
        nodes=options.nodes,
        seed=options.seed,
        virtio_slots=virtio_slots(options),
        chipset=acpi.Q35 if options.has_pci else acpi.MICROVM,
    )


def full_command_line(options: RunOptions, shell: Shell | None = None) -> str:
    """Return the kernel's command line, with the workloads and the host's parameters for the guest."""
    words = [options.command_line, *workload_options(options.workloads)]
    if options.root:
        words.append(root_parameter(options))
    if options.program or shell:
        words.append(command.WORKLOAD)
    if options.threads == "multi":
        words.append(f"tsc_early_khz={host_tsc_khz()}")
    return " ".join(words)


def _second_kernel(options: RunOptions, kernel: Kernel) -> Kernel | None:
    start = options.second_start
    if start is None:
        return None
    return kernel if start.kernel == SAME else resolve(start.kernel)


def _table_of(second: Kernel) -> list[tuple[int, str]]:
    """Return the symbols of a second kernel that is another one; [] where none are found."""
    from acceptlab.analysis.kernel.symbols import load_symbols

    try:
        symbols = load_symbols(second.image, cache=cache() / "symbols", sha256=second.sha256)
    except BadInput:
        return []
    return [(address, name) for address, _, name in symbols.table()]


def _in_two_kernels(
    locks: Collection[str],
    watched: list[Probe],
    usual: Defaults,
    second: Kernel,
    table: list[tuple[int, str]],
) -> tuple[list[Probe], Defaults]:
    """Return the probes of both kernels, where the second is another one; `locks` are names among them."""
    both, missing = probes.in_two_kernels(watched, locks, table, second)
    return both, replace(usual, missing=usual.missing | missing)


def _initrd(
    options: RunOptions, second: Kernel | None, shell: Shell | None, modules: list[Module]
) -> bytes:
    if options.initrd:
        return _read_initrd(Path(options.initrd))
    plain = with_modules(initramfs().read_bytes(), modules)
    if options.program:
        add = command.with_words if options.root else command.with_command
        plain = add(plain, options.program)
    if shell:
        from acceptlab.toolkit.guest.shell import with_shell

        plain = with_shell(plain, shell, in_root=bool(options.root))
    return with_second_kernel(plain, second.image.read_bytes()) if second else plain


def _file_with_symbols(options: RunOptions, kernel: Kernel) -> dict[str, str | None]:
    """Return where `_symbols` looks: the file, and its checksum where that is known."""
    named = options.vmlinux or kernel.vmlinux
    if named:
        return {"file": str(Path(named).resolve()), "sha256": None}
    return {"file": str(kernel.image.resolve()), "sha256": kernel.sha256}


def _read_initrd(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"--initrd {path}: {error.strerror}") from error


def _symbols(options: RunOptions, kernel: Kernel) -> tuple[list[tuple[int, str]], str]:
    """Return the kernel's symbols, from vmlinux or from the image's own kallsyms (which are cached), and why there are none.

    A kernel without kallsyms runs all the same, unless a file was named or a function is to be watched.
    """
    from acceptlab.analysis.kernel.symbols import load_symbols

    try:
        if options.vmlinux:
            symbols = load_symbols(Path(options.vmlinux))
        elif kernel.vmlinux:
            symbols = load_symbols(kernel.vmlinux, cache=cache() / "symbols")
        else:
            symbols = load_symbols(kernel.image, cache=cache() / "symbols", sha256=kernel.sha256)
    except BadInput as error:
        if options.vmlinux or options.probes or options.probe_locks or options.counts:
            raise
        return [], str(error)
    return [(address, name) for address, _, name in symbols.table()], ""
