# SPDX-License-Identifier: GPL-2.0-only
"""The axes of a sweep: which options a value stands for, and which combinations are wanted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acceptlab.toolkit.errors import BadInputError

Choice = Mapping[str, str]
"""One value's name for every axis."""


@dataclass(frozen=True)
class Value:
    """One value of an axis: the name that tables show, and the options that it sets."""

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Pattern:
    """Values by axis, such as an exclude names them; an axis that is not named is free."""

    values: Mapping[str, Sequence[str]]

    def fits(self, choice: Choice) -> bool:
        """Return whether a combination has one of the named values on every named axis."""
        return all(choice[axis] in names for axis, names in self.values.items())


@dataclass(frozen=True)
class Axes:
    """Axes in the order of the spec, what is left out of their product, and what is added to it."""

    values: Mapping[str, Sequence[Value]]
    excludes: Sequence[Pattern] = ()
    includes: Sequence[Mapping[str, Sequence[Value]]] = field(default_factory=tuple)
    """Products of their own; an axis that one of them does not name has its first value there."""


def count_at_most(axes: Axes) -> int:
    """Return the number of combinations before anything is excluded, which is quick to tell."""
    total = _size(axes.values)
    return total + sum(_size(block) for block in axes.includes)


def combinations(axes: Axes) -> list[dict[str, Value]]:
    """Return every wanted combination once: the product without the excludes, then the includes, in the spec's order.

    Raises BadInputError for an exclude that takes nothing away, which is a slip of the pen.
    """
    product = list(_product(axes.values))
    for pattern in axes.excludes:
        if not any(pattern.fits(names_of(one)) for one in product):
            shown = ", ".join(f"{axis} = {' or '.join(v)}" for axis, v in pattern.values.items())
            raise BadInputError(f"exclude ({shown}) matches no combination of the axes")
    kept = [
        one for one in product if not any(pattern.fits(names_of(one)) for pattern in axes.excludes)
    ]
    for block in axes.includes:
        first = {axis: list(values)[:1] for axis, values in axes.values.items()}
        kept += _product({**first, **block})
    return list({tuple(names_of(one).items()): one for one in kept}.values())


def names_of(combination: Mapping[str, Value]) -> dict[str, str]:
    """Return the names of a combination's values, by axis."""
    return {axis: value.name for axis, value in combination.items()}


def _size(block: Mapping[str, Sequence[Value]]) -> int:
    total = 1
    for values in block.values():
        total *= len(values)
    return total


def _product(block: Mapping[str, Sequence[Value]]) -> Iterator[dict[str, Value]]:
    for values in itertools.product(*block.values()):
        yield dict(zip(block, values, strict=True))
