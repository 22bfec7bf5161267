# SPDX-License-Identifier: GPL-2.0-only
"""Damage as recorders, disks and people do it: events lost, doubled and out of order, which keep their numbers; a run.json that lies."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.analysis.synthetic import Records

Damage = Callable[[Records, random.Random], Records]
MOST_LOST = 20
WIDEST_WINDOW = 60


def _lose(records: Records, chance: random.Random) -> Records:
    """Single events, or some in a row."""
    count, at = chance.randint(1, MOST_LOST), chance.randrange(len(records) - MOST_LOST)
    chosen = (
        range(at, at + count)
        if chance.random() < 0.5
        else chance.sample(range(len(records)), count)
    )
    return np.delete(records, list(chosen))


def _double(records: Records, chance: random.Random) -> Records:
    at, to = (chance.randrange(len(records)) for _ in range(2))
    return np.insert(records, chance.choice([at + 1, to]), records[at])


def _swap(records: Records, chance: random.Random) -> Records:
    order = np.arange(len(records))
    one, other = chance.sample(range(len(records)), 2)
    order[[one, other]] = order[[other, one]]
    return records[order]


def shuffled(records: Records, chance: random.Random) -> Records:
    """The events of a window in another order."""
    width = chance.randint(2, min(WIDEST_WINDOW, len(records)))
    first = chance.randrange(len(records) - width + 1)
    order = list(range(len(records)))
    window = order[first : first + width]
    chance.shuffle(window)
    return records[[*order[:first], *window, *order[first + width :]]]


def _cut(records: Records, chance: random.Random) -> Records:
    """The head or the tail is missing."""
    at = chance.randrange(1, len(records))
    return records[at:] if chance.random() < 0.5 else records[:at]


WAYS: tuple[Damage, ...] = (_lose, _double, _swap, shuffled, _cut)


def damaged(records: Records, chance: random.Random) -> Records:
    """A copy with one damage that shows."""
    while True:
        made = chance.choice(WAYS)(records, chance)
        if len(made) != len(records) or (made != records).any():
            return made


def lie(about: Any, chance: random.Random) -> tuple[str, Any]:
    """What run.json says, with one value changed, left out or null; and where, in words."""
    places = list(_places(about, ()))
    while True:
        place = chance.choice(places)
        told = _at(about, place)
        made = chance.choice(_others(told, chance))
        if made != told:
            return f"{'.'.join(map(str, place))}: {told!r} -> {made!r}"[:300], _with(
                about, place, made
            )


def _places(value: Any, place: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    keys = (
        value.keys()
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    )
    inner = [found for key in keys for found in _places(value[key], (*place, key))]
    return [*([place] if place else []), *inner]


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        value = value[key]
    return value


def _with(value: Any, place: tuple[Any, ...], made: Any) -> Any:
    if not place:
        return made
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = _with(value[place[0]], place[1:], made)
    return copy


def _others(told: Any, chance: random.Random) -> list[Any]:
    if isinstance(told, bool):
        return [not told, None]
    if isinstance(told, int):
        return [
            told + 1,
            told - 1,
            0,
            told * 2,
            -told,
            told + 4096,
            told + (2 << 20),
            None,
            str(told),
        ]
    if isinstance(told, str):
        return ["", told + "x", "snp", "tdx", "userspace", "panic", "emulator", "ftrace", None]
    if isinstance(told, list):
        shorter = told[: chance.randint(0, len(told))]
        return [shorter, told[::-1], [*told, *told[:1]], None]
    if isinstance(told, dict):
        gone = chance.choice(list(told)) if told else ""
        return [{key: value for key, value in told.items() if key != gone}, {}, None]
    return [0, "", [], True]
