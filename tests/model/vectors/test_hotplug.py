# SPDX-License-Identifier: GPL-2.0-only
"""Memory that comes and goes while a guest runs; the same for both platforms."""

from __future__ import annotations

import pytest

from tests.model.guest import Layout
from tests.model.names import Kind, State
from tests.model.snp_guest import Snp
from tests.model.structs import PAGE, UNIT
from tests.model.td import Tdx

TOP = 16 * UNIT
SLOT, SIZE = 8 * UNIT, 4 * UNIT
ATTACK_KEEP = 13
Guest = type[Snp] | type[Tdx]
both = pytest.mark.parametrize("guest", [Snp, Tdx])


def plug(vm: Snp | Tdx, start: int = SLOT, size: int = SIZE) -> int:
    return vm.act("vm_plug", start, size)


def unplug(vm: Snp | Tdx, start: int = SLOT, size: int = SIZE, keep: int = 0) -> int:
    return vm.act("vm_unplug", start, size, keep)


def made(guest: Guest, **config: int) -> Snp | Tdx:
    return guest(Layout(ram=((0, 4 * UNIT),)), top=TOP, **config)


def plugged(guest: Guest, *accepted: tuple[int, int]) -> Snp | Tdx:
    """A guest with the slot's memory; for the host it is no other memory than that of the boot."""
    ram = ((0, 4 * UNIT), (SLOT, SIZE))
    vm = guest(Layout(ram=ram, accepted=accepted, shared=SHARED if accepted else ()), top=TOP)
    vm.events()
    return vm


@both
def test_plugged_memory_is_ram_that_the_host_owns(guest: Guest) -> None:
    vm = made(guest)
    vm.events()
    assert plug(vm) == 0
    assert [(one.kind, one.gpa, one.size) for one in vm.events()] == [(Kind.PLUG, SLOT, SIZE)]
    assert vm.runs() == [(0, 4 * UNIT, State.HOST), (SLOT, SIZE, State.HOST)]


@both
def test_host_that_assigns_in_advance_assigns_what_it_plugs(guest: Guest) -> None:
    vm = made(guest, assign_advance=1)
    vm.events()
    assert plug(vm) == 0
    kinds = [(one.kind, one.gpa, one.size) for one in vm.events()]
    assert kinds == [(Kind.PLUG, SLOT, SIZE), (Kind.ASSIGN, SLOT, SIZE)]
    assert vm.runs()[-1][-1] == State.UNACCEPTED


@both
@pytest.mark.parametrize(
    ("start", "size"),
    [(SLOT, 0), (SLOT + PAGE, UNIT), (SLOT, PAGE), (3 * UNIT, 2 * UNIT), (TOP - UNIT, 2 * UNIT)],
)
def test_what_cannot_be_plugged(guest: Guest, start: int, size: int) -> None:
    vm = made(guest)
    before = vm.runs()
    vm.events()
    assert plug(vm, start, size) == -1
    assert (vm.runs(), vm.events()) == (before, [])


@both
@pytest.mark.parametrize(
    ("start", "size"),
    [(SLOT, 0), (SLOT + PAGE, UNIT), (SLOT, PAGE), (SLOT - UNIT, 2 * UNIT), (TOP, UNIT)],
)
def test_what_cannot_be_unplugged(guest: Guest, start: int, size: int) -> None:
    vm = plugged(guest, (SLOT, UNIT))
    before, accepted = vm.runs(), vm.accepted()
    assert unplug(vm, start, size) == -1
    assert (vm.runs(), vm.accepted(), vm.events()) == (before, accepted, [])


@both
@pytest.mark.parametrize(
    ("start", "size", "left"),
    [
        (SLOT, SIZE, []),
        (SLOT, UNIT, [(SLOT + UNIT, 3 * UNIT)]),
        (SLOT + 3 * UNIT, UNIT, [(SLOT, 3 * UNIT)]),
        (SLOT + UNIT, UNIT, [(SLOT, UNIT), (SLOT + 2 * UNIT, 2 * UNIT)]),
    ],
)
def test_unplugged_memory_is_no_ram(
    guest: Guest, start: int, size: int, left: list[tuple[int, int]]
) -> None:
    vm = plugged(guest)
    assert unplug(vm, start, size) == 0
    assert [(one.kind, one.gpa, one.size) for one in vm.events()] == [(Kind.UNPLUG, start, size)]
    assert [run[:2] for run in vm.runs()] == [(0, 4 * UNIT), *left]
    assert vm.describe(start).startswith("not RAM")


@both
def test_memory_that_was_split_by_an_unplug_is_whole_again(guest: Guest) -> None:
    vm = plugged(guest)
    assert unplug(vm, SLOT + UNIT, UNIT) == 0
    assert plug(vm, SLOT + UNIT, UNIT) == 0
    assert vm.runs()[-1][:2] == (SLOT, SIZE)


SHARED = ((SLOT + UNIT + PAGE, PAGE), (SLOT + 2 * UNIT, UNIT))
MIXED = ((SLOT, UNIT), (SLOT + UNIT, PAGE), (SLOT + UNIT + 7 * PAGE, PAGE))


@both
def test_nothing_is_left_of_what_was_accepted(guest: Guest) -> None:
    """Whether the host had it as one large page or as small ones, or as shared ones."""
    vm = plugged(guest, *MIXED)
    assert vm.accepted() == UNIT + 2 * PAGE
    vm.events()
    assert unplug(vm) == 0
    assert [one.kind for one in vm.events()] == [Kind.UNPLUG], "it stands for all its pages"
    assert vm.accepted() == 0
    assert plug(vm) == 0
    assert vm.runs()[-1] == (SLOT, SIZE, State.HOST)
    for gpa in (SLOT, *(start for start, _ in (*MIXED, *SHARED))):
        vm.access(gpa)
        assert vm.state(gpa) == State.UNACCEPTED, "the page is not free, or still shared"


@both
def test_pages_that_a_host_keeps_are_accepted_at_the_next_plug(guest: Guest) -> None:
    vm = plugged(guest, *MIXED)
    before = vm.runs()
    assert unplug(vm, keep=1) == 0
    assert vm.accepted() == 0
    vm.events()
    assert plug(vm) == 0
    kept = [(ATTACK_KEEP, SLOT, UNIT + PAGE), (ATTACK_KEEP, SLOT + UNIT + 7 * PAGE, PAGE)]
    plug_event, *attacks = vm.events()
    assert (plug_event.kind, plug_event.gpa, plug_event.size) == (Kind.PLUG, SLOT, SIZE)
    assert {one.kind for one in attacks} == {Kind.ATTACK}
    assert [(one.detail, one.gpa, one.size) for one in attacks] == kept
    assert vm.runs() == before
    assert vm.accepted() == UNIT + 2 * PAGE


@both
def test_last_page_that_a_host_keeps_is_among_them(guest: Guest) -> None:
    vm = plugged(guest, (SLOT + SIZE - UNIT, UNIT))
    assert unplug(vm, keep=1) == 0
    vm.events()
    assert plug(vm) == 0
    assert [one.gpa for one in vm.events()[1:]] == [SLOT + SIZE - UNIT]


@both
def test_pages_that_a_host_keeps_and_that_are_not_accepted_are_assigned(guest: Guest) -> None:
    vm = plugged(guest)
    vm.access(SLOT + UNIT)
    assert vm.state(SLOT + UNIT) == State.UNACCEPTED
    assert unplug(vm, keep=1) == 0
    vm.events()
    assert plug(vm) == 0
    kinds = [(one.kind, one.gpa, one.size) for one in vm.events()]
    assert kinds == [(Kind.PLUG, SLOT, SIZE), (Kind.ASSIGN, SLOT + UNIT, UNIT)]


@both
def test_what_was_shared_is_private_after_a_plug_even_if_pages_were_kept(guest: Guest) -> None:
    vm = plugged(guest, *MIXED)
    assert unplug(vm, keep=1) == 0
    assert plug(vm) == 0
    for start, _ in SHARED:
        vm.access(start)
        assert vm.state(start) == State.UNACCEPTED
