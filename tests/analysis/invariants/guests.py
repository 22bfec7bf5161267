# SPDX-License-Identifier: GPL-2.0-only
"""Guests of the invariants' tests: clean ones, what is done to them, and the verdict on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, ConvertTo, Kind
from tests.analysis.synthetic import MIB, Guest

SPARE = 56 * MIB
"""Offset above the layout's low end that the boot does not touch."""
LOCK = 0xFFFFFFFF82000040
LOCK_PROBES = ("unaccepted_memory_lock", "_raw_spin_lock_irqsave", "_raw_spin_unlock_irqrestore")


def replay(guest: Guest, folder: Path, **changes: Any) -> Verdict:
    return replay_run(guest.write(folder / "run", **changes))


def finished(guest: Guest) -> Guest:
    guest.work()
    guest.end()
    return guest


def ended(guest: Guest) -> Guest:
    guest.end()
    return guest


def at(guest: Guest, offset: int) -> int:
    return guest.layout.low + offset


Broken = tuple[Guest, dict[str, Any]]
"""A guest, and what run.json has to say about it."""


def fault_on_unaccepted_page() -> Broken:
    guest = Guest()
    guest.boot()
    guest.event(Kind.FAULT, at(guest, SPARE) + 0x128, 1, detail=0x404 << 32 | 0x101)
    return finished(guest), {}


def titles(guest: Guest, tmp_path: Path, **changes: Any) -> list[str]:
    return [one.title for one in replay(guest, tmp_path, **changes).findings]


def after_boot(**options: Any) -> Guest:
    guest = Guest(**options)
    guest.boot()
    return guest


def released(guest: Guest, offset: int) -> int:
    """Have the guest release a page; its address."""
    page = at(guest, offset)
    guest.event(Kind.RELEASE, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 1)
    return page


def converts(guest: Guest, page: int, to: ConvertTo, vcpu: int = 1) -> None:
    guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=to, vcpu=vcpu)


def request(
    guest: Guest, start: int, size: int, kind: Kind = Kind.PROBE_ENTER, vcpu: int = 0
) -> None:
    guest.event(kind, start, size, detail=0, vcpu=vcpu)


def accept_pages(guest: Guest, unit: int, vcpus: Sequence[int], cuts: Collection[int] = ()) -> None:
    """Convert a unit, and accept it page by page: page N by the vCPU ``vcpus[N]``.

    Before the pages ``cuts`` there is a snapshot, so that a step of the walk ends there.
    """
    guest.event(Kind.CONVERT, unit, UNIT_SIZE, detail=ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, unit, UNIT_SIZE)
    guest._set(unit, UNIT_SIZE, 1)
    for number, page in enumerate(range(unit, unit + UNIT_SIZE, PAGE_SIZE)):
        if number in cuts:
            guest.snapshot("between")
        guest.accept_block(page, PAGE_SIZE, vcpus[number])
    guest.bits[(unit - guest.layout.low) // UNIT_SIZE] = False
