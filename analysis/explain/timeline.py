# SPDX-License-Identifier: GPL-2.0-only
"""A page's life as a small plot in plain text: its state as a line, a letter for each event below it.

From left to right the events, not the clock: what decides a page's life happens within a few
instructions, between long times of nothing. The clock that passed is written below.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.analysis.explain.life import ACCEPTED, HOST, PENDING, Life, Moment

LETTERS = {
    "accept": "A",
    "rescind": "R",
    "release": "R",
    "convert": "C",
    "assign": "a",
    "remove": "r",
    "fault": "F",
    "stop": "S",
    "attack": "!",
    "launch": "L",
    "ciphertext": "c",
    "dma-refused": "D",
    "split": "s",
    "ram": "m",
    "plug": "p",
    "unplug": "u",
}
_RANK = "!FSARCDLuprascm"
"""Where several events share a column, the first of these is shown."""
_LANES = (ACCEPTED, PENDING, HOST)
_LABEL = max(map(len, _LANES)) + 1
_WIDEST = 9
_TELLS_CLOCK = 6
"""Narrowest column that has room for the clock."""


@dataclass(frozen=True)
class _Column:
    """Events that share a column: the one that is shown, the state that they leave, the clock at the first."""

    letter: str
    after: str
    clock: int
    culprit: bool


def timeline(life: Life, width: int = 70, culprits: frozenset[int] = frozenset()) -> list[str]:
    """The plot and its legend; ASCII, at most ``width`` columns a line. ``culprits`` (seq) are marked ^."""
    room = width - _LABEL - 1
    columns = _columns(life.moments, room // 2, culprits)
    wide = min(room // len(columns), _WIDEST)
    lines = [_lane(name, columns, wide) for name in _LANES]
    lines.append(_row("", [column.letter for column in columns], wide))
    if any(column.culprit for column in columns):
        lines.append(_row("", ["^" if column.culprit else "" for column in columns], wide))
    if wide >= _TELLS_CLOCK:
        clocks = [column.clock for column in columns]
        passed = [""] + [f"+{_short(b - a)}" for a, b in itertools.pairwise(clocks)]
        lines.append(_row("clock", passed, wide))
    return [line.rstrip() for line in lines] + textwrap.wrap(_legend(columns), width)


def _columns(moments: Sequence[Moment], most: int, culprits: frozenset[int]) -> list[_Column]:
    share = -(-len(moments) // most)
    return [
        _Column(
            min((LETTERS.get(one.event["kind"], ".") for one in some), key=_rank),
            some[-1].after,
            some[0].event["clock"],
            any(one.event["seq"] in culprits for one in some),
        )
        for some in (moments[at : at + share] for at in range(0, len(moments), share))
    ]


def _rank(letter: str) -> int:
    return _RANK.find(letter) if letter in _RANK else len(_RANK)


def _lane(name: str, columns: Sequence[_Column], wide: int) -> str:
    return _row(name, [("#" if column.after == name else " ") * wide for column in columns], wide)


def _row(label: str, cells: Sequence[str], wide: int) -> str:
    return f"{label:>{_LABEL}}|" + "".join(cell.ljust(wide) for cell in cells)


def _short(clock: int) -> str:
    """A number in at most five characters."""
    for factor, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if clock >= factor:
            return f"{clock / factor:.3g}"[:4].rstrip(".") + unit
    return str(clock)


def _legend(columns: Sequence[_Column]) -> str:
    used = {column.letter for column in columns}
    words = [f"{letter} {kind}" for kind, letter in LETTERS.items() if letter in used]
    marked = ["^ event of the finding"] if any(column.culprit for column in columns) else []
    return ", ".join(words + marked)
