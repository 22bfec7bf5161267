# SPDX-License-Identifier: GPL-2.0-only
"""Accepts, or conversions, that belong together, as a viewer wants them: one slice instead of 512 pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import Kind

LONGEST_GAP = 1 << 16
"""Clock units between two accepts of one slice."""


@dataclass(frozen=True)
class Slice:
    """Accepts or conversions of one vCPU, each of which begins where the last ended. ``first`` is the seq of the first, ``at`` its place in the batch.

    ``start`` and ``end`` in units of the clock; an accept that nothing timed counts as 1. ``gpa``, ``size`` in bytes.
    """

    vcpu: int
    first: int
    start: int
    end: int
    gpa: int
    size: int
    accepts: int
    result: int
    carry: int
    detail: int
    at: int


def slices(batch: Batch, kind: Kind = Kind.ACCEPT) -> Iterator[Slice]:
    """The slices of a kind in the order of their last events. None reaches into the next batch."""
    accepts = np.flatnonzero(batch["kind"] == kind)
    if not len(accepts):
        return
    order = accepts[np.argsort(batch["vcpu"][accepts], kind="stable")]
    columns = batch.take(order)
    breaks = np.flatnonzero(_breaks(columns))
    last = np.append(breaks[1:], len(order)) - 1
    for place in np.argsort(order[last]).tolist():
        first, end = int(breaks[place]), int(last[place])
        start_gpa = int(columns["gpa"][first])
        yield Slice(
            vcpu=int(columns["vcpu"][first]),
            first=int(columns["seq"][first]),
            start=int(columns["clock"][first]),
            end=int(columns["clock"][end]) + max(int(columns["duration"][end]), 1),
            gpa=start_gpa,
            size=int(columns["gpa"][end]) + int(columns["size"][end]) - start_gpa,
            accepts=end - first + 1,
            result=int(columns["result"][first]),
            carry=int(columns["carry"][first]),
            detail=int(columns["detail"][first]),
            at=int(order[first]),
        )


def _breaks(columns: dict[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.bool_]:
    """Where a slice begins, among accepts sorted by vCPU."""
    begins = np.ones(len(columns["gpa"]), np.bool_)
    same = columns["vcpu"][1:] == columns["vcpu"][:-1]
    for name in ("result", "carry", "size", "detail", "caller"):
        same &= columns[name][1:] == columns[name][:-1]
    gpa, size, clock = (columns[name].astype(np.uint64) for name in ("gpa", "size", "clock"))
    same &= gpa[1:] == gpa[:-1] + size[:-1]
    same &= clock[1:] - clock[:-1] <= LONGEST_GAP
    begins[1:] = ~same
    return begins
