# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 6: the checklist of the emulator, for SNP."""

from __future__ import annotations

import pytest

from tests.model.guest import Layout
from tests.model.names import (
    Kind,
    Psc,
    Reach,
    SnpOutcome,
    State,
    Verdict,
)
from tests.model.recorder import states_after
from tests.model.rows import Rows, Vector
from tests.model.snp_guest import Snp
from tests.model.structs import PAGE, UNIT
from tests.model.vectors.snp import (
    FRESH,
    HOLE,
    INPUT,
    LAUNCHED,
    MISMATCH,
    SHARED,
    TOP,
    done,
    snp,
)

row = Rows()


@row("6.1-carry-and-data")
def _() -> None:
    vm = snp(backing_4k=1)
    seen = set()
    for gpa, size, validate in ((FRESH, 1, 1), (FRESH, 0, 1), (FRESH, 0, 1), (FRESH, 2, 1)):
        seen.add(done(vm, gpa, size, validate))
    assert seen == {(MISMATCH, 0), (0, 0), (0, 1), (INPUT, 0)}
    assert vm.recorder.scrubs() == []


@row("6.2-404-only-own-unvalidated")
def _() -> None:
    vm = snp()
    vm.act("attack_alias", LAUNCHED, LAUNCHED + PAGE)
    faults = {gpa: vm.access(gpa)[0] for gpa in (FRESH, LAUNCHED, SHARED, HOLE)}
    assert [gpa for gpa, verdict in faults.items() if verdict == Verdict.GUEST_FAULT] == [FRESH]


@row("6.3-rmpupdate-clears-psmash-keeps")
def _() -> None:
    vm = snp()
    vm.act("attack_reassign", LAUNCHED)
    states = [vm.state(LAUNCHED + n * PAGE) for n in range(512)]
    assert states == [State.UNACCEPTED] + [State.ACCEPTED] * 511


@row("6.4-shared-access-to-guest-page")
def _() -> None:
    vm = snp()
    assert vm.access(LAUNCHED, Reach.WRITE, private=0)[0] == Verdict.STOPPED
    assert vm.access(LAUNCHED, Reach.READ, private=0)[0] == Verdict.CIPHERTEXT


@row("6.8-host-policies-snp")
def _() -> None:
    calls = {}
    for backing_4k in (0, 1):
        vm = snp(backing_4k=backing_4k)
        count = 1
        if done(vm, FRESH, 1, 1)[0] == MISMATCH:
            for page in range(512):
                done(vm, FRESH + page * PAGE, 0, 1)
                count += 1
        assert vm.state(FRESH + UNIT - PAGE) == State.ACCEPTED
        calls[backing_4k] = count
    assert calls == {0: 1, 1: 513}


@row("6.9-awkward-ranges-snp")
def _() -> None:
    """RAM shorter than a unit, unaligned head and tail, a hole, an end inside a unit."""
    layout = Layout(ram=((0x3000, 0x5000), (UNIT + 0x7000, 2 * UNIT), (5 * UNIT, UNIT + PAGE)))
    vm = Snp(layout)
    assert done(vm, 2 * UNIT, 1, 1) == (0, 0)
    # a 2M accept at the short tail finds a 4K page behind it
    assert done(vm, 6 * UNIT, 1, 1) == (MISMATCH, 0)
    for start, size in layout.ram:
        for gpa in (start, start + size - PAGE):
            if vm.state(gpa) != State.ACCEPTED:
                assert done(vm, gpa, 0, 1) == (0, 0)
        assert vm.pvalidate(start + size, 0, 1)[0] == SnpOutcome.STOPPED
        assert vm.pvalidate(start - PAGE, 0, 1)[0] == SnpOutcome.STOPPED


@row("6.10-trace-alone-snp")
def _() -> None:
    """Replaying the events gives the state that the model has."""
    vm = snp()
    done(vm, FRESH, 1, 1)
    done(vm, FRESH + PAGE, 0, 0)
    vm.msr(0x014 | (FRESH + PAGE) | Psc.SHARED << 52)
    vm.msr(0x014 | (LAUNCHED + PAGE) | Psc.SHARED << 52)
    pages = {LAUNCHED + n * PAGE: State.ACCEPTED for n in range(512)}
    effect = {
        Kind.ASSIGN: State.UNACCEPTED,
        Kind.ACCEPT: State.ACCEPTED,
        Kind.RESCIND: State.UNACCEPTED,
        Kind.REMOVE: State.HOST,
    }
    pages |= states_after(vm.events(), effect)
    for gpa in range(0x100000, TOP, PAGE):
        assert vm.state(gpa) == pages.get(gpa, State.HOST)


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
