# SPDX-License-Identifier: GPL-2.0-only
"""Bisect over Debian's packaged kernels: no tree, no build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from acceptlab.toolkit.bisect.search import border, next_place
from acceptlab.toolkit.bisect.trial import Sought, Trial, Word, sought
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels import kernel_names


@dataclass(frozen=True)
class Tried:
    """A kernel that was tried, and what that says."""

    trial: Trial
    word: Word


@dataclass(frozen=True)
class Outcome:
    """The end of a bisection: the last good kernel, the first bad one, and those between that say nothing."""

    good: str
    bad: str
    open: tuple[str, ...]
    sought: Sought
    tried: tuple[Tried, ...]


def row(good: str, bad: str, available: Sequence[str]) -> list[str]:
    """Return the released kernels from GOOD to BAD, in this order, whichever is older.

    ``good`` and ``bad`` are versions or names (7.3, debian:6.12.107); ``available`` all names, newest first. Raises BadInputError
    for one that the archive does not have, and for two that are the same.
    """
    released = [name for name in available if "-rc" not in name]
    places = [_place(end, released) for end in (good, bad)]
    if places[0] == places[1]:
        raise BadInputError(f"{good} and {bad} are the same kernel, {released[places[0]]}")
    between = released[min(places) : max(places) + 1]
    return between if places[0] < places[1] else between[::-1]


def _place(end: str, released: Sequence[str]) -> int:
    wanted = end.removeprefix(kernel_names.PREFIX)
    for place, name in enumerate(released):
        version = name.removeprefix(kernel_names.PREFIX)
        if version == wanted or version.startswith(f"{wanted}."):
            return place
    raise BadInputError(
        f"Debian's archive does not have the kernel {end}; it has {', '.join(released[::-1])}"
    )


def bisect_row(
    names: Sequence[str], try_out: Callable[[str], Trial], tell: Callable[[Tried], None]
) -> Outcome:
    """Try kernels of a row, the first of which is good and the last bad, until the border is found.

    ``tell`` is called with each as it was tried. Raises BadInputError where the ends do not differ.
    """
    good, bad = try_out(names[0]), try_out(names[-1])
    problem = sought(good, bad)
    tried = {0: Tried(good, Word.GOOD), len(names) - 1: Tried(bad, Word.BAD)}
    for one in tried.values():
        tell(one)
    while (place := next_place(words(tried))) is not None:
        trial = try_out(names[place])
        tried[place] = Tried(trial, problem.word(trial))
        tell(tried[place])
    found = border(words(tried))
    return Outcome(
        names[found.good],
        names[found.bad],
        tuple(names[place] for place in found.open),
        problem,
        tuple(tried.values()),
    )


def words(tried: dict[int, Tried]) -> dict[int, Word]:
    """Return what each place says."""
    return {place: one.word for place, one in tried.items()}
