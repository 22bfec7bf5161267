# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.8: page state changes through the GHCB page."""

from __future__ import annotations

import struct

import pytest

from tests.model.ghcb_page import BUFFER, psc_entry
from tests.model.names import Kind, Psc, State
from tests.model.recorder import Event
from tests.model.rows import Rows, Vector
from tests.model.structs import NO_CARRY, PAGE, UNIT
from tests.model.vectors.ghcb import (
    BAD_ENTRY,
    BAD_HEADER,
    FRESH,
    GENERIC,
    GHCB,
    HOLE,
    LAUNCHED,
    OTHER_SHARED,
    registered,
    run_psc,
)

row = Rows()


@row("1.8-psc-event")
def _() -> None:
    vm, page = registered()
    page.psc([psc_entry(FRESH, Psc.SHARED, 1)])
    assert run_psc(vm, page) == (0, 0)
    assert vm.access(FRESH, 1, private=0)[0] == 0
    assert vm.events() == [Event(Kind.CONVERT, FRESH, UNIT, 0, NO_CARRY, 2, 0)]


@row("1.8-psc-header")
def _() -> None:
    """cur_entry tells where to start, end_entry is the last one."""
    vm, page = registered()
    page.psc([psc_entry(FRESH + n * PAGE, Psc.SHARED) for n in range(4)], cur=1, end=2)
    assert run_psc(vm, page) == (0, 0)
    shared = [vm.access(FRESH + n * PAGE, private=0)[0] == 0 for n in range(4)]
    assert shared == [False, True, True, False]
    assert page.psc_progress(4) == (3, [0, 1, 1, 0])


@row("1.8-psc-entry")
def _() -> None:
    vm, page = registered()
    entries = [psc_entry(LAUNCHED, Psc.SHARED, 1), psc_entry(FRESH, Psc.PRIVATE)]
    page.psc(entries)
    assert run_psc(vm, page) == (0, 0)
    assert vm.state(LAUNCHED + UNIT - PAGE) == State.HOST
    converts = [(e.gpa, e.size, e.detail) for e in vm.events() if e.kind == Kind.CONVERT]
    assert converts == [(LAUNCHED, UNIT, 2), (FRESH, PAGE, 1)]


@row("1.8-psc-ops")
def _() -> None:
    """Hints (3, 4) and unknown operations count as done and change nothing."""
    vm, page = registered()
    before = vm.dump()
    page.psc([psc_entry(LAUNCHED, op, 1) for op in (0, 3, 4, 5, 15)])
    assert run_psc(vm, page) == (0, 0)
    assert vm.dump() == before
    assert vm.events() == []
    assert page.psc_progress(5) == (5, [512] * 5)


@row("1.8-psc-max-entries")
def _() -> None:
    vm, page = registered()
    page.psc([psc_entry(FRESH + n * PAGE, Psc.SHARED) for n in range(253)])
    assert run_psc(vm, page) == (0, 0)
    assert page.psc_progress(253) == (253, [1] * 253)
    page.psc([psc_entry(FRESH, Psc.PRIVATE)], end=253)
    assert run_psc(vm, page) == (0, BAD_HEADER)
    assert vm.access(FRESH, private=0)[0] == 0


@row("1.8-psc-progress")
def _() -> None:
    """A host that does one entry per exit: the guest repeats until cur > end."""
    vm, page = registered(psc_entries_per_exit=1)
    page.psc([psc_entry(FRESH, Psc.SHARED, 1), psc_entry(FRESH + UNIT, Psc.SHARED)])
    assert run_psc(vm, page) == (0, 0)
    assert page.psc_progress(2) == (1, [512, 0])
    page.set("info1", 0)
    for name in ("code", "info2", "scratch"):
        page.set(name, page.get(name))
    assert run_psc(vm, page) == (0, 0)
    assert page.psc_progress(2) == (2, [512, 1])


@row("1.8-psc-error-generic")
def _() -> None:
    vm, page = registered()
    page.psc([psc_entry(FRESH, Psc.SHARED), psc_entry(HOLE, Psc.SHARED)])
    assert run_psc(vm, page) == (0, GENERIC)
    assert page.psc_progress(2) == (1, [1, 0])
    vm.act("attack_psc_error", 1)
    page.psc([psc_entry(FRESH, Psc.PRIVATE)])
    assert run_psc(vm, page) == (0, GENERIC)


@row("1.8-psc-error-header")
def _() -> None:
    vm, page = registered()
    for end in (253, 254, 0xFFFF):
        page.psc([psc_entry(FRESH, Psc.SHARED)], end=end)
        assert run_psc(vm, page) == (0, BAD_HEADER)


@row("1.8-psc-error-entry")
def _() -> None:
    vm, page = registered()
    bad = (
        psc_entry(FRESH + PAGE, Psc.SHARED, 1),
        psc_entry(FRESH, Psc.SHARED, 1, cur_page=513),
        psc_entry(FRESH, Psc.SHARED, 0, cur_page=2),
        psc_entry(FRESH, Psc.SHARED, 0, cur_page=4095),
    )
    for entry in bad:
        page.psc([psc_entry(FRESH, Psc.PRIVATE), entry])
        assert run_psc(vm, page) == (0, BAD_ENTRY)
        assert page.psc_progress(2)[0] == 1


@row("1.8-psc-linux-fatal")
def _() -> None:
    """A hostile host moves cur_entry back: the guest can see it."""
    vm, page = registered()
    vm.act("attack_psc_rewind", 1)
    page.psc([psc_entry(FRESH + n * PAGE, Psc.SHARED) for n in range(3)])
    assert run_psc(vm, page) == (0, 0)
    assert page.psc_progress(3)[0] == 1
    page.psc([psc_entry(FRESH + n * PAGE, Psc.SHARED) for n in range(3)], cur=1)
    assert run_psc(vm, page) == (0, 0)
    assert page.psc_progress(3)[0] == 0


@row("1.8-kvm-half-done-2m")
def _() -> None:
    vm, page = registered()
    page.psc([psc_entry(LAUNCHED, Psc.SHARED, 1, cur_page=100)])
    assert run_psc(vm, page) == (0, 0)
    states = [vm.state(LAUNCHED + n * PAGE) for n in (0, 99, 100, 511)]
    assert states == [State.ACCEPTED, State.ACCEPTED, State.HOST, State.HOST]
    assert page.psc_progress(1) == (1, [512])
    # done already: skipped
    page.psc([psc_entry(LAUNCHED, Psc.SHARED, 1, cur_page=512)])
    assert run_psc(vm, page) == (0, 0)
    assert vm.state(LAUNCHED) == State.ACCEPTED


@row("1.8-kvm-cur-beyond-end")
def _() -> None:
    vm, page = registered()
    page.psc([psc_entry(LAUNCHED, Psc.SHARED, 1)], cur=5)
    assert run_psc(vm, page) == (0, 0)
    assert vm.state(LAUNCHED) == State.ACCEPTED


@row("1.8-psc-scratch")
def _() -> None:
    vm, page = registered()
    bad = (0, GHCB + 0x7F8, GHCB + BUFFER + 2032, GHCB + 0xFF8, LAUNCHED, HOLE, 1 << 60)
    for scratch in bad:
        page.psc([psc_entry(FRESH, Psc.SHARED)])
        page.set("scratch", scratch)
        assert run_psc(vm, page) == (2, 3), hex(scratch)
    # the list runs out of the buffer
    page.psc([psc_entry(FRESH, Psc.SHARED)], end=2, offset=BUFFER + 2032 - 24)
    assert run_psc(vm, page) == (0, BAD_HEADER)
    # elsewhere in the buffer, and in another shared page
    page.psc([psc_entry(FRESH, Psc.SHARED)], offset=BUFFER + 64)
    assert run_psc(vm, page) == (0, 0)
    page.psc([psc_entry(FRESH, Psc.PRIVATE)])
    elsewhere = vm.recorder.memory(OTHER_SHARED, PAGE)
    elsewhere[:16] = bytes(page.raw[BUFFER : BUFFER + 16])
    page.set("scratch", OTHER_SHARED)
    assert run_psc(vm, page) == (0, 0)
    assert struct.unpack_from("<H", elsewhere)[0] == 1


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
