# SPDX-License-Identifier: GPL-2.0-only
"""The lock of unaccepted memory in a halted guest: whether it is held, by which vCPU, who waits, and what is being accepted.

A kernel drops the lock while it accepts. What is being accepted meanwhile is in accepting_list, each range on the stack of the vCPU
that accepts it (Linux 6.7, drivers/firmware/efi/unaccepted_memory.c: struct accept_range).
"""

from __future__ import annotations

from typing import Any

from acceptlab.analysis.kernel.kernel_facts import (
    ACCEPTING_LIST,
    LOCKING,
    QUEUED_LOCKS,
    UNACCEPTED_LOCK,
    UNACCEPTED_LOCK_TAKERS,
)
from acceptlab.analysis.kernel.symbols import RunSymbols, Symbols
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.analysis.run.run_info import Bitmap
from acceptlab.analysis.trace.schema import Stage

_LOCKED = 0xFF
"""The byte of a queued spinlock that is not 0 while it is held (Linux, include/asm-generic/qspinlock_types.h)."""
_INTERRUPTS = 1 << 9
"""RFLAGS.IF: clear while the lock is held, for it is taken with spin_lock_irqsave()."""
_START, _END = 2, 3
"""Words of struct accept_range behind its two pointers, both in units of the bitmap."""
_MOST = 64
"""Ranges of the list that are followed."""

Json = dict[str, Any]


def peeked_variables(symbols: Symbols) -> tuple[int, ...]:
    """Return link-time addresses of what the emulator is to read for `locks_object`: none where the kernel's lock cannot be read."""
    if UNACCEPTED_LOCK not in symbols or not any(one in symbols for one in in_force(QUEUED_LOCKS)):
        return ()
    names = (UNACCEPTED_LOCK, ACCEPTING_LIST)
    return tuple(symbols.address(name) for name in names if name in symbols)


def locks_object(
    report: Json, symbols: RunSymbols, table: Bitmap | None, stage: int | None
) -> Json | None:
    """Return what is known of the lock; None where nothing is."""
    peeked = {int(address, 16): int(word, 16) for address, word in report.get("peeked", {}).items()}
    first = symbols.first
    if stage not in (Stage.KERNEL, Stage.USERSPACE) or UNACCEPTED_LOCK not in first:
        return None
    word = peeked.get(first.address(UNACCEPTED_LOCK))
    if word is None:
        return None
    cpus = [_Cpu(one, symbols, stage) for one in report.get("vcpus", [])]
    held = bool(word & _LOCKED)
    holders = [one.number for one in cpus if one.may_hold]
    ranges = None
    if ACCEPTING_LIST in first and table is not None:
        linked = first.address(ACCEPTING_LIST)
        head = linked + int(report.get("kaslr_offset", "0x0"), 16)
        ranges = _ranges(head, peeked.get(linked), cpus, table)
    return {
        "name": UNACCEPTED_LOCK,
        "held": held,
        "by": holders[0] if held and len(holders) == 1 else None,
        "waiting": [one.number for one in cpus if one.waits] if held else [],
        "accepting": ranges,
    }


class _Cpu:
    """What a vCPU has to do with the lock, by its instruction pointer and by the names on its stack."""

    def __init__(self, one: Json, symbols: RunSymbols, stage: int) -> None:
        self.number: int = one["vcpu"]
        registers = {name: int(value, 16) for name, value in one["registers"].items()}
        self._stack = [int(word, 16) for word in one.get("stack", [])]
        self._top = registers["rsp"]
        rip = _function(symbols, int(one["rip"], 16), stage)
        on_stack = {_function(symbols, word, stage) for word in self._stack}
        takes = bool(on_stack & UNACCEPTED_LOCK_TAKERS) or rip in UNACCEPTED_LOCK_TAKERS
        spins = rip in {*in_force(LOCKING), *in_force(QUEUED_LOCKS)}
        self.waits = takes and spins
        self.may_hold = takes and not spins and not registers["rflags"] & _INTERRUPTS

    def words_at(self, address: int, count: int) -> list[int] | None:
        """Return words of the part of its stack that is known, or None."""
        place, odd = divmod(address - self._top, 8)
        if odd or place < 0 or place + count > len(self._stack):
            return None
        return self._stack[place : place + count]


def _function(symbols: RunSymbols, address: int, stage: int) -> str:
    """Return the function without its parts that a compiler has split off."""
    name = symbols.name_of(address, stage) or ""
    return name.partition("+")[0].partition(".")[0]


def _ranges(head: int, entry: int | None, cpus: list[_Cpu], table: Bitmap) -> list[Json] | None:
    """Return the ranges in the list; None where an entry of it is on no stack that is known."""
    if entry is None:
        return None
    found: list[Json] = []
    while entry != head and len(found) < _MOST:
        there = [(one.number, words) for one in cpus if (words := one.words_at(entry, _END + 1))]
        if len(there) != 1:
            return None
        vcpu, words = there[0]
        start, end = (table.phys_base + words[at] * table.unit_size for at in (_START, _END))
        found.append({"vcpu": vcpu, "start": f"{start:#x}", "end": f"{end:#x}"})
        entry = words[0]
    return found if entry == head else None


def locks_lines(locks: Json) -> list[str]:
    """Return the same for people."""
    holder = "a vCPU that is not known" if locks["by"] is None else f"vCPU {locks['by']}"
    line = f"{locks['name']}: " + (f"held by {holder}" if locks["held"] else "free")
    if locks["waiting"]:
        line += f"; waiting: vCPU {', '.join(map(str, locks['waiting']))}"
    lines = [line]
    if locks["accepting"] is None:
        lines.append("Ranges being accepted: not known")
    for one in locks["accepting"] or []:
        lines.append(f"Being accepted: {one['start']}-{one['end']}, by vCPU {one['vcpu']}")
    return lines
