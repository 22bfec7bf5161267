# SPDX-License-Identifier: GPL-2.0-only
"""A page's life as one line of text: the clock from left to right, a letter for each event."""

from __future__ import annotations

import textwrap

from analysis.explain.life import ACCEPTED, HOST, PENDING, Life

LETTERS = {
    "accept": "A",
    "rescind": "R",
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
}
_BARS = {ACCEPTED: "#", PENDING: "-", HOST: "."}
_RANK = "!FSARCDLrasc"
"""Where several events share a column, the first of these is shown."""


def timeline(life: Life, width: int = 60) -> list[str]:
    """Two lines (events above states) and a legend; ASCII, at most ``width`` columns a line."""
    low, high = life.clock
    span = max(high - low, 1)
    marks = [" "] * width
    states = [" "] * width
    for number, moment in enumerate(life.moments):
        column = min((moment.event["clock"] - low) * width // span, width - 1)
        letter = LETTERS.get(moment.event["kind"], "")
        if letter and (marks[column] == " " or _RANK.index(letter) < _RANK.index(marks[column])):
            marks[column] = letter
        later = life.moments[number + 1 :]
        end = (later[0].event["clock"] - low) * width // span if later else width
        for place in range(column, min(max(end, column + 1), width)):
            states[place] = _BARS.get(moment.after, " ")
    used = [f"{mark} {kind}" for kind, mark in LETTERS.items() if mark in marks]
    bars = [f"{mark} {name}" for name, mark in _BARS.items() if mark in states]
    legend = textwrap.wrap(", ".join(used + bars), width)
    return ["".join(marks).rstrip(), "".join(states).rstrip(), *legend]
