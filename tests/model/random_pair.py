# SPDX-License-Identifier: GPL-2.0-only
"""A guest twice, in the C model and in the oracle: random operations on both, and all compared after each."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.model.structs import PAGE

OPERATIONS_PER_GUEST = 400


class RandomPair:
    """What is the same for both platforms. A subclass makes `c` and `oracle`, and has the operations in `choices`."""

    c: Any
    oracle: Any
    top: int
    choices: list[Callable[[], None]]

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.history: list[tuple[Any, ...]] = []

    def step(self) -> None:
        """Run one operation on both."""
        self.random.choice(self.choices)()
        self.compare()

    def agree(self, what: tuple[Any, ...], found: object, expected: object) -> None:
        """Compare the answers to one operation."""
        self.history.append(what)
        assert found == expected, (self.seed, self.history[-20:])

    def compare(self) -> None:
        """Compare the events since the last comparison, and the states of all pages."""
        expected, self.oracle.events = self.oracle.events, []
        assert self.c.events() == expected, (self.seed, self.history[-20:])
        planes = self.oracle.planes()
        assert self.c.dump() == planes, (self.seed, self.history[-20:])
        accepted = PAGE * planes[: self.top // PAGE].count(2)
        assert self.c.accepted() == accepted, (self.seed, self.history[-20:])


def run(pair: type[RandomPair], first_seed: int, operations: int) -> None:
    """Run operations on one guest after the other."""
    for guest in range(operations // OPERATIONS_PER_GUEST):
        one = pair(first_seed + guest)
        for _ in range(OPERATIONS_PER_GUEST):
            one.step()
