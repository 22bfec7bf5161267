# SPDX-License-Identifier: GPL-2.0-only
"""The chapters of a run that every form of a report has, in order."""

from __future__ import annotations

from acceptlab.analysis.report import latency_tables
from acceptlab.analysis.report.facts import Subject, caller_rows
from acceptlab.analysis.report.modelled_tables import modelled_chapter
from acceptlab.analysis.report.stall_causes import held_up, held_up_table
from acceptlab.analysis.report.tables import Chapter

STALLS, LATENCY = "Stalls", latency_tables.HEADING
_HELD_UP = "By the requesting function of each accept; unknown names are listed as such."


def chapters(subject: Subject) -> list[Chapter]:
    """What was held up, measured latencies where there are any, modelled times where a profile was given."""
    modelled = subject.modelled
    found = []
    if rows := held_up(caller_rows(subject), modelled.profile if modelled else None):
        found.append(Chapter(STALLS, _HELD_UP, [held_up_table(rows, modelled is not None)]))
    if measured := latency_tables.latency_chapter(subject.latency, subject.run.info.source):
        found.append(measured)
    if modelled is not None:
        found.append(modelled_chapter(modelled, subject.latency.modelled))
    return found
