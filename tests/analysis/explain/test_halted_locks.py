# SPDX-License-Identifier: GPL-2.0-only
"""The lock of unaccepted memory in a halted guest: held, by whom, who waits, what is being accepted."""

from __future__ import annotations

from typing import Any

import pytest

from acceptlab.analysis.explain.halted_locks import locks_lines, locks_object, peeked_variables
from acceptlab.analysis.kernel.symbols import RunSymbols, Symbols
from acceptlab.analysis.run.run_info import Bitmap
from acceptlab.analysis.trace.schema import UNIT_SIZE, Stage

SLID = 0x6000000
TEXT, ACCEPT, SPIN, TOUCH = (0xFFFFFFFF81000000 + n * 0x1000 for n in range(4))
LOCK, LIST = 0xFFFFFFFF83000FFC, 0xFFFFFFFF82000010
NAMES = [
    (TEXT, "T", "do_idle"), (ACCEPT, "T", "accept_memory"), (SPIN, "T", "native_queued_spin_lock_slowpath"),
    (TOUCH, "T", "touch_pages"), (LOCK, "d", "unaccepted_memory_lock"), (LIST, "d", "accepting_list"),
]  # fmt: skip
TABLE = Bitmap(0x1000, 0x10000000, UNIT_SIZE, 64)
STACK = 0xFFFFC90000010000
ON, OFF = 0x246, 0x46
"""RFLAGS with interrupts on and off."""


def cpu(number: int, rip: int, rflags: int, *stack: int) -> dict[str, Any]:
    registers = {"rsp": STACK + number * 0x10000, "rflags": rflags}
    return {
        "vcpu": number,
        "rip": f"{rip + SLID:#x}",
        "registers": {name: f"{value:#x}" for name, value in registers.items()},
        "stack": [f"{word:#x}" for word in stack],
    }


def locks(
    word: int | None, entry: int, *cpus: dict[str, Any], stage: int = Stage.KERNEL
) -> dict[str, Any] | None:
    peeked = {} if word is None else {f"{LOCK:#x}": f"{word:#x}", f"{LIST:#x}": f"{entry:#x}"}
    report = {"peeked": peeked, "vcpus": list(cpus), "kaslr_offset": f"{SLID:#x}"}
    return locks_object(report, RunSymbols(Symbols(NAMES), SLID), TABLE, stage)


EMPTY = LIST + SLID
IDLE = cpu(0, TEXT + 4, ON)
HOLDER = cpu(1, ACCEPT + 8, OFF)
WAITER = cpu(2, SPIN + 8, OFF, 7, ACCEPT + 0x20 + SLID)


def test_one_holds_and_another_waits() -> None:
    found = locks(0x40101, EMPTY, IDLE, HOLDER, WAITER)
    assert found is not None
    assert (found["held"], found["by"], found["waiting"], found["accepting"]) == (True, 1, [2], [])
    assert locks_lines(found) == ["unaccepted_memory_lock: held by vCPU 1; waiting: vCPU 2"]


def test_a_free_lock_has_no_holder_and_nobody_waits() -> None:
    """The slow path of any lock: it is not this one's."""
    found = locks(0x5A5A5A00, EMPTY, HOLDER, WAITER)
    assert found is not None
    assert (found["held"], found["by"], found["waiting"]) == (False, None, [])
    assert locks_lines(found) == ["unaccepted_memory_lock: free"]


@pytest.mark.parametrize(
    "cpus",
    [
        (IDLE,),
        (HOLDER, cpu(2, TOUCH, OFF, ACCEPT + 0x20 + SLID)),
        (cpu(1, ACCEPT + 8, ON),),
    ],
    ids=["nobody is there", "two are", "interrupts are on"],
)
def test_a_holder_that_is_not_certain_is_not_named(cpus: tuple[dict[str, Any], ...]) -> None:
    found = locks(1, EMPTY, *cpus)
    assert found is not None
    assert (found["held"], found["by"]) == (True, None)
    assert "held by a vCPU that is not known" in locks_lines(found)[0]


def on_stack(number: int, following: int, start: int, end: int) -> dict[str, Any]:
    """Return a vCPU with struct accept_range in the second word of its stack."""
    return cpu(number, TOUCH, OFF, 0, following, EMPTY, start, end)


def entry_of(number: int) -> int:
    return STACK + number * 0x10000 + 8


def test_ranges_being_accepted_are_found_on_the_stacks() -> None:
    cpus = (on_stack(0, entry_of(1), 2, 4), on_stack(1, EMPTY, 7, 8))
    found = locks(0, entry_of(0), *cpus)
    assert found is not None
    assert found["accepting"] == [
        {"vcpu": 0, "start": "0x10400000", "end": "0x10800000"},
        {"vcpu": 1, "start": "0x10e00000", "end": "0x11000000"},
    ]
    assert locks_lines(found)[1:] == [
        "Being accepted: 0x10400000-0x10800000, by vCPU 0",
        "Being accepted: 0x10e00000-0x11000000, by vCPU 1",
    ]


@pytest.mark.parametrize("entry", [STACK + 0x100000, entry_of(0) + 4, entry_of(0) + 16])
def test_a_range_on_no_known_stack_makes_the_list_unknown(entry: int) -> None:
    found = locks(0, entry, on_stack(0, EMPTY, 2, 4))
    assert found is not None
    assert found["accepting"] is None
    assert locks_lines(found)[1:] == ["Ranges being accepted: not known"]


def test_a_list_that_runs_in_a_circle_ends() -> None:
    found = locks(0, entry_of(0), on_stack(0, entry_of(0), 2, 4))
    assert found is not None and found["accepting"] is None


@pytest.mark.parametrize("stage", [Stage.DECOMPRESSOR, Stage.SECOND_KERNEL, Stage.SECOND_USERSPACE])
def test_of_another_kernel_nothing_is_said(stage: Stage) -> None:
    assert locks(1, EMPTY, HOLDER, stage=stage) is None


def test_a_lock_that_was_not_read_is_not_told() -> None:
    assert locks(None, EMPTY, HOLDER) is None


def test_only_queued_spinlocks_are_read() -> None:
    assert peeked_variables(Symbols(NAMES)) == (LOCK, LIST)
    assert peeked_variables(Symbols(one for one in NAMES if one[0] != SPIN)) == ()
    assert peeked_variables(Symbols(one for one in NAMES if one[0] != LOCK)) == ()
    assert peeked_variables(Symbols(one for one in NAMES if one[0] != LIST)) == (LOCK,)
