# SPDX-License-Identifier: GPL-2.0-only
"""One line on where the figures of a document come from: enough for a reader who has never seen acceptlab."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from acceptlab.analysis.version import VERSION

_LISTED = 4
"""Kernels or hosts that a line names; of more it says how many there are."""
NOT_TIMES = "counts, not times"


@dataclass(frozen=True)
class Provenance:
    """The line, and the shell line that makes the same figures again; ``how`` stands before it."""

    line: str
    command: str
    how: str = "To reproduce:"


def provenance_line(
    *,
    platforms: Iterable[str],
    hosts: Iterable[str],
    figures: str,
    kernels: Iterable[str],
    verdicts: Sequence[str],
) -> str:
    """The line itself, of any document; each list may have a value more than once."""
    parts = [
        f"acceptlab {VERSION}",
        _listed(platforms, "platforms", " and "),
        f"host pages: {_listed(hosts, 'hosts', ' and ')}",
        figures,
        f"kernel: {_listed(kernels, 'kernels')}",
        f"verdict: {verdict_words(verdicts)}",
    ]
    return "; ".join(parts) + "."


def verdict_words(verdicts: Sequence[str]) -> str:
    """A verdict; of several runs how many have which, those with findings first."""
    if len(verdicts) == 1:
        return verdicts[0]
    found = Counter(verdicts)
    if len(found) == 1:
        return f"{verdicts[0]} (all {len(verdicts)} runs)"
    order = {"findings": 0, "undecided": 1}
    return ", ".join(
        f"{found[name]} {name}"
        for name in sorted(found, key=lambda name: (order.get(name, 2), name))
    )


def _listed(words: Iterable[str], what: str, last: str = ", ") -> str:
    found = list(dict.fromkeys(words))
    return last.join(found) if len(found) <= _LISTED else f"{len(found)} {what}, listed below"
