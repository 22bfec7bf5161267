# SPDX-License-Identifier: GPL-2.0-only
"""The emulator's page-state models and the replay of their events end in the same states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.transitions import STATE_MASK, Op, State, ops_of
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import PAGE_SIZE, Kind
from tests.model import test_random_snp as snp
from tests.model import test_random_tdx as tdx
from tests.model.guest import Layout
from tests.model.recorder import Event

STEPS = 250


def batch_of(events: Iterable[Event]) -> Batch:
    listed = list(events)
    wide = {
        name: np.array([getattr(one, name) for one in listed], np.uint64)
        for name in ("gpa", "size", "result", "detail")
    }
    narrow = {
        name: np.array([getattr(one, name) for one in listed], np.uint8)
        for name in ("kind", "carry")
    }
    return Batch(0, {**wide, **narrow})


def handoff(layout: Layout) -> list[Event]:
    """What the emulator records before the guest runs."""
    ranges = [(Kind.RAM, one) for one in layout.ram] + [
        (Kind.LAUNCH, one) for one in layout.accepted
    ]
    return [Event(kind, start, size, 0, 0xFF, 0, 0) for kind, (start, size) in ranges]


class Followed:
    """A random history of a model, replayed step by step from its events alone."""

    def __init__(self, pair: type[Any], layout: Layout, seed: int) -> None:
        self.states = PageStates(layout.top)
        self.apply(handoff(layout))
        follow = self.apply
        breaches = self.breaches = set[int]()

        class Listening(pair):
            def compare(self) -> None:
                breaches.update(follow(self.oracle.events))
                super().compare()

        self.pair = Listening(seed)
        self.pages = [
            page
            for start, size in layout.ram
            for page in range(start // PAGE_SIZE, (start + size) // PAGE_SIZE)
        ]

    def apply(self, events: Iterable[Event]) -> set[int]:
        batch = batch_of(events)
        if not len(batch):
            return set()
        entries = self.states.apply(batch, ops_of(batch))
        return {int(one) for entry in entries for one in entry.breach[entry.op == Op.ACCEPT]} - {0}

    def agree(self) -> bool:
        """The model's state (host, unaccepted, accepted) of every page of RAM, and ours."""
        model = np.frombuffer(self.pair.c.dump(), np.uint8)
        ours = np.concatenate([self.states.pages_of(unit) for unit in range(self.states.units)])
        pages = np.array(self.pages)
        return bool((ours[pages] & STATE_MASK == model[pages] + State.HOST).all())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("pair", "layout"), [(snp.Pair, snp.LAYOUT), (tdx.Pair, tdx.LAYOUT)])
def test_states_follow_from_events_alone(pair: type[Any], layout: Layout, seed: int) -> None:
    followed = Followed(pair, layout, seed)
    for _ in range(STEPS):
        followed.pair.step()
        assert followed.agree(), followed.pair.history[-3:]
