# SPDX-License-Identifier: GPL-2.0-only
"""The ways of tracking as tables that can be pasted into a mail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from acceptlab.analysis.measure.metadata.metadata_cost import E820_ROOM, Tracking
from acceptlab.analysis.report.facts import mib
from acceptlab.analysis.report.run_text import chapter_lines
from acceptlab.analysis.report.tables import Chapter, Table

Row = tuple[str, Callable[[Tracking], str]]

_WHEN: Sequence[Row] = (
    ("by the decompressor", lambda one: mib(one.decompressor)),
    ("before any struct page", lambda one: mib(one.no_struct_page)),
    ("before all struct pages", lambda one: mib(one.deferred)),
    ("later", lambda one: mib(one.later)),
)
_MAP: Sequence[Row] = (
    ("entries at boot handoff", lambda one: f"{one.entries[0]:,}"),
    ("entries, most", lambda one: f"{one.entries[1]:,}"),
    ("entries at the end", lambda one: f"{one.entries[2]:,}"),
    ("rewrites, under a lock", lambda one: f"{one.changes:,}"),
    ("entries moved by them", lambda one: f"{one.moved:,}"),
)
_STATE: Sequence[Row] = (
    ("bitmap and claims", lambda one: f"{one.bitmap:,}"),
    ("map, as in memblock", lambda one: f"{one.memblock:,}"),
    ("struct pages for a flag", lambda one: f"{one.struct_pages:,}"),
)
_DONE: Sequence[Row] = (
    ("bitmap: atomic operations", lambda one: f"{2 * one.accepted_units:,}"),
    ("map: rewrites under a lock", lambda one: f"{one.changes:,}"),
)


def as_text(found: Sequence[Tracking]) -> str:
    """All runs side by side, a column each, at most 72 columns wide for up to three."""
    chapter = Chapter(
        "Tracking unaccepted memory",
        "Computed from the accepts of each run: facts of the run, not times.",
        [
            _table("Accepted by the guest", _WHEN, found),
            _table("As entries of a memory map", _MAP, found),
            _table("State in bytes", _STATE, found),
            _table("Operations on the state", _DONE, found),
        ],
        [
            "A page flag cannot track memory that is accepted before struct pages exist.",
            f"The zero page, which kexec passes on, has room for {E820_ROOM} entries of all kinds.",
        ],
    )
    return "\n".join(chapter_lines(chapter)).rstrip() + "\n"


def _table(caption: str, rows: Sequence[Row], found: Sequence[Tracking]) -> Table:
    head = ("", *(one.name for one in found))
    return Table(caption, head, [[label, *(value(one) for one in found)] for label, value in rows])
