# SPDX-License-Identifier: GPL-2.0-only
"""The columnar page states against a model that goes event by event and page by page."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.pages import page_states
from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.transitions import EVER, HELD, Breach, Op, State, ops_of
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import (
    CONVERT_IMPLICIT,
    NO_CARRY,
    PAGE_SIZE,
    UNIT_SIZE,
    Attack,
    ConvertTo,
    Kind,
)
from tests.examples import examples

UNITS = 4
TOP = UNITS * UNIT_SIZE


@dataclass(frozen=True)
class Event:
    kind: Kind
    gpa: int
    size: int
    result: int = 0
    carry: int = NO_CARRY
    detail: int = 0


def batch_of(events: list[Event]) -> Batch:
    columns = {
        name: np.array([getattr(one, name) for one in events], np.uint64)
        for name in ("gpa", "size", "result", "detail")
    }
    columns["kind"] = np.array([one.kind for one in events], np.uint8)
    columns["carry"] = np.array([one.carry for one in events], np.uint8)
    return Batch(0, columns)


class Model:
    """One state per page, no cleverness."""

    def __init__(self) -> None:
        self.state = [State.NOT_RAM] * (TOP // PAGE_SIZE)
        self.held = [False] * (TOP // PAGE_SIZE)
        self.ever = [False] * (TOP // PAGE_SIZE)

    def byte(self, page: int) -> int:
        return (
            self.state[page] | (HELD if self.held[page] else 0) | (EVER if self.ever[page] else 0)
        )

    def apply(self, event: Event) -> set[tuple[int, int]]:
        """(page, breach) of every page for which something is wrong."""
        wrong = set()
        retried = event.kind == Kind.CONVERT and event.result == 1
        done = (event.result == 0 or retried) and event.carry != 1 and event.size > 0
        first, last = event.gpa // PAGE_SIZE, -(-(event.gpa + event.size) // PAGE_SIZE)
        for page in range(first, min(last, len(self.state))):
            breach = self._apply_page(event, page) if done else Breach.NONE
            if breach:
                wrong.add((page, int(breach)))
        return wrong

    def _apply_page(self, event: Event, page: int) -> Breach:
        breach = Breach.NONE
        match event.kind:
            case Kind.RAM:
                self.state[page], self.held[page], self.ever[page] = State.HOST, False, False
            case Kind.LAUNCH:
                self.state[page], self.held[page], self.ever[page] = State.ACCEPTED, True, True
            case Kind.ACCEPT:
                breach = self._accept_breach(page)
                self.state[page], self.held[page], self.ever[page] = State.ACCEPTED, True, True
            case Kind.RESCIND | Kind.RELEASE:
                if self.state[page] != State.ACCEPTED:
                    breach = Breach.RESCIND_NOT_ACCEPTED
                self.state[page], self.held[page] = State.ASSIGNED, False
            case Kind.CONVERT if event.detail & 0xFF == ConvertTo.SHARED:
                requested = not event.detail & CONVERT_IMPLICIT
                breach = Breach.SHARE_HELD if self.held[page] and requested else Breach.NONE
                self.state[page], self.held[page] = State.HOST, False
            case Kind.ASSIGN:
                breach = self._taken(page)
                self.state[page] = State.ASSIGNED
            case Kind.REMOVE:
                breach = self._taken(page)
                self.state[page] = State.HOST
            case Kind.PLUG:
                self.state[page] = State.HOST
            case Kind.UNPLUG:
                self.state[page] = State.NOT_RAM
            case Kind.ATTACK if event.detail in ATTACKS:
                if event.detail not in (Attack.REMAP_BACK, Attack.KEEP):
                    breach = self._taken(page)
                self.state[page] = ATTACKS[event.detail]
                if event.detail == Attack.REMAP_BACK and not self.held[page]:
                    self.state[page] = State.ASSIGNED
        return breach

    def _taken(self, page: int) -> Breach:
        holds = self.held[page] and self.state[page] == State.ACCEPTED
        return Breach.TAKEN_HELD if holds else Breach.NONE

    def _accept_breach(self, page: int) -> Breach:
        match self.state[page]:
            case State.NOT_RAM:
                return Breach.ACCEPT_NOT_RAM
            case State.HOST:
                return Breach.ACCEPT_NOT_ASSIGNED
            case State.ACCEPTED:
                return Breach.ACCEPT_TWICE
        return Breach.ACCEPT_AGAIN if self.held[page] else Breach.NONE


KINDS = [
    Kind.RAM,
    Kind.LAUNCH,
    Kind.ACCEPT,
    Kind.ACCEPT,
    Kind.ACCEPT,
    Kind.RESCIND,
    Kind.RELEASE,
    Kind.CONVERT,
    Kind.ASSIGN,
    Kind.ASSIGN,
    Kind.REMOVE,
    Kind.PLUG,
    Kind.UNPLUG,
    Kind.FAULT,
    Kind.SPLIT,
    Kind.ATTACK,
]
ATTACKS: dict[int, State] = {
    Attack.REMAP: State.ASSIGNED,
    Attack.REMAP_BACK: State.ACCEPTED,
    Attack.UNASSIGN: State.HOST,
    Attack.REMOVE_AUG: State.ASSIGNED,
    Attack.KEEP: State.ACCEPTED,
}
PAGES = st.integers(0, TOP // PAGE_SIZE - 1)


@st.composite
def events(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(KINDS))
    shape = draw(st.sampled_from(["page", "near", "unit", "range"]))
    if shape == "unit":
        gpa, size = draw(st.integers(0, UNITS - 1)) * UNIT_SIZE, UNIT_SIZE
    elif shape == "range":
        gpa = draw(PAGES) * PAGE_SIZE
        size = draw(st.integers(0, 1200)) * PAGE_SIZE  # may reach beyond the top
    elif shape == "near":
        gpa, size = draw(st.integers(510, 514)) * PAGE_SIZE, PAGE_SIZE
    else:
        gpa, size = draw(PAGES) * PAGE_SIZE, PAGE_SIZE
    return Event(
        kind,
        gpa,
        size,
        draw(st.sampled_from([0, 0, 0, 1, 6])),
        draw(st.sampled_from([0, 0, NO_CARRY, 1])),
        draw(
            st.sampled_from(
                [ConvertTo.PRIVATE, ConvertTo.SHARED, ConvertTo.SHARED | CONVERT_IMPLICIT, 5, 6, 9]
            )
        ),
    )


@examples(60)
@given(st.lists(st.lists(events(), min_size=1, max_size=14), min_size=1, max_size=5))
def test_agrees_with_the_model_in_every_state_and_every_breach(history: list[list[Event]]) -> None:
    compare(history)


def compare(history: list[list[Event]]) -> None:
    """States and breaches of every page after every batch: ours and the model's."""
    states, model = PageStates(TOP), Model()
    for part in history:
        batch = batch_of(part)
        entries = states.apply(batch, ops_of(batch))
        told = {
            (int(position), page, int(breach))
            for one in entries
            for position, gpa, breach in zip(one.position, one.gpa, one.breach, strict=True)
            for page in range(int(gpa) // PAGE_SIZE, (int(gpa) + one.size) // PAGE_SIZE)
            if breach
        }
        expected = {
            (position, page, breach)
            for position, event in enumerate(part)
            for page, breach in model.apply(event)
        }
        assert told == expected
        pages = np.concatenate([states.pages_of(unit) for unit in range(UNITS)])
        assert pages.tolist() == [model.byte(page) for page in range(TOP // PAGE_SIZE)]


@st.composite
def walks(draw: st.DrawFn) -> list[Event]:
    """Kinds in turn for page after page, sometimes disturbed, as kernels and hosts go over memory."""
    kinds = draw(st.lists(st.sampled_from(KINDS[2:10]), min_size=1, max_size=4))
    first, pages = draw(st.integers(0, 1100)), draw(st.integers(8, 900))
    lag = draw(st.sampled_from([0, 0, 1, 600]))
    walk = [
        Event(kind, (first + page - number * lag) % 2048 * PAGE_SIZE, PAGE_SIZE, 0, 0, 2)
        for page in range(pages)
        for number, kind in enumerate(kinds)
    ]
    for disturbance in draw(st.lists(events(), max_size=3)):
        walk.insert(draw(st.integers(0, len(walk))), disturbance)
    return walk


@examples(20)
@given(st.lists(walks(), min_size=1, max_size=3))
def test_agrees_with_the_model_when_events_walk_from_page_to_page(
    history: list[list[Event]],
) -> None:
    compare([[Event(Kind.RAM, 0, TOP)], *history])


def test_a_whole_unit_taken_away_while_a_walk_goes_over_it() -> None:
    walk = []
    for page in range(512):
        walk.append(Event(Kind.ASSIGN, page * PAGE_SIZE, PAGE_SIZE))
        walk.append(Event(Kind.ASSIGN, UNIT_SIZE + page * PAGE_SIZE, PAGE_SIZE))
    walk[513] = Event(Kind.REMOVE, 0, UNIT_SIZE)
    compare([[Event(Kind.RAM, 0, TOP)], walk])


@examples()
@given(st.lists(events(), min_size=2, max_size=20))
def test_cutting_a_batch_changes_nothing(history: list[Event]) -> None:
    batch = batch_of(history)
    whole, halves = PageStates(TOP), PageStates(TOP)
    found = whole.apply(batch, ops_of(batch))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_states, "EXPANDED_LIMIT", 64)
        cut = halves.apply(batch, ops_of(batch))
    assert whole.first_difference(halves, 0xFF) is None
    assert breaches(found) == breaches(cut)


def breaches(entries: list[page_states.Entries]) -> set[tuple[int, int, int]]:
    return {
        (int(position), int(gpa) + offset, int(breach))
        for one in entries
        for position, gpa, breach in zip(one.position, one.gpa, one.breach, strict=True)
        for offset in range(0, one.size, PAGE_SIZE)
        if breach
    }


def test_the_state_before_an_access_is_told() -> None:
    states = PageStates(TOP)
    batch = batch_of(
        [
            Event(Kind.RAM, 0, TOP),
            Event(Kind.FAULT, 0x5123, 1),
            Event(Kind.ASSIGN, 0x5000, PAGE_SIZE),
            Event(Kind.FAULT, 0x5123, 1),
            Event(Kind.ACCEPT, 0x5000, PAGE_SIZE),
            Event(Kind.FAULT, 0x5123, 1),
        ]
    )
    entries = states.apply(batch, ops_of(batch))
    looks = [
        (int(position), int(before))
        for one in entries
        for position, before, op in zip(one.position, one.before, one.op, strict=True)
        if op == Op.LOOK
    ]
    assert looks == [(1, State.HOST), (3, State.ASSIGNED), (5, State.ACCEPTED | HELD | EVER)]


def test_units_go_back_to_one_state() -> None:
    states = PageStates(TOP)
    pages = [Event(Kind.ASSIGN, page * PAGE_SIZE, PAGE_SIZE) for page in range(512)]
    for part in ([Event(Kind.RAM, 0, TOP)], pages[:300], pages[300:]):
        states.apply(batch_of(part), ops_of(batch_of(part)))
    unit, mixed = states.unit_bytes()
    assert not mixed.any()
    assert unit.tolist() == [State.ASSIGNED, State.HOST, State.HOST, State.HOST]


def test_more_memory_than_at_first_changes_nothing_of_the_rest() -> None:
    states = PageStates(TOP)
    first = batch_of([Event(Kind.RAM, 0, TOP), Event(Kind.ASSIGN, PAGE_SIZE, PAGE_SIZE)])
    states.apply(first, ops_of(first))
    states.grow(TOP + PAGE_SIZE)
    assert states.units == UNITS + 1
    assert [states.at(gpa) for gpa in (0, PAGE_SIZE, TOP)] == [State.HOST, State.ASSIGNED, 0]
    added = batch_of([Event(Kind.PLUG, TOP, UNIT_SIZE)])
    states.apply(added, ops_of(added))
    assert states.at(TOP + UNIT_SIZE - PAGE_SIZE) == State.HOST
    states.grow(TOP)
    assert states.units == UNITS + 1, "it never shrinks"


def test_a_terabyte_of_ram_takes_little_memory() -> None:
    import tracemalloc

    tracemalloc.start()
    states = PageStates(1 << 40)
    batch = batch_of([Event(Kind.RAM, 0, 1 << 40), Event(Kind.ASSIGN, 5 << 30, PAGE_SIZE)])
    states.apply(batch, ops_of(batch))
    assert states.at(5 << 30) == State.ASSIGNED
    assert states.at((5 << 30) + PAGE_SIZE) == State.HOST
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 256 MiB of page bytes are reserved, and hardly any of them touched.
    assert peak < 400 << 20
