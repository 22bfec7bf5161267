# SPDX-License-Identifier: GPL-2.0-only
"""What a run needs of this machine, so that no more are started at once than it can bear."""

from __future__ import annotations

from acceptlab.toolkit.guest.workloads import parse_workload
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.scheduler import Job

_EMULATOR = 1400 << 20
"""Bytes of an emulator with a small guest: translated code (QEMU's buffer of 1 GiB), the kernel, the initramfs. Measured."""
_PER_GUEST_BYTE = 1 / 40
"""struct page, 64 bytes per 4 KiB, is 1/64; the emulator's page states and the tables for them are less than that again."""
_EVENTS = 256 << 20
"""Bytes that converting and replaying a long trace takes."""
_FILLS = ("touch", "tmpfs", "huge")


def job_of(options: RunOptions) -> Job:
    """Return the cores that a run keeps busy, and an estimate, on the safe side, of the memory that it takes (bytes)."""
    ram = options.memory_bytes
    filled = 0
    for text in options.workloads:
        workload = parse_workload(text)
        if workload.name in _FILLS:
            filled += ram if workload.argument == "all" else int(workload.argument)
    memory = _EMULATOR + _EVENTS + int(ram * _PER_GUEST_BYTE) + min(filled, ram)
    return Job(options.cpus if options.threads == "multi" else 1, memory)
