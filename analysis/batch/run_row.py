# SPDX-License-Identifier: GPL-2.0-only
"""One run as a row of plain values, made wherever the run is judged: here, in another process, on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.report.facts import Subject, subject_of
from acceptlab.analysis.report.matrix.columns import COLUMNS, facts_of

Row = dict[str, Any]

UNUSABLE = "unusable"
"""Verdict of a folder that cannot be judged; ``problem`` says why."""


def row_of(folder: str, symbols_cache: str | None = None) -> Row:
    """Judge a run and count what it did; a folder that is not usable gives a row that says so.

    Paths are texts, and so is everything in a row or a number, so that any engine can carry it.
    """
    try:
        subject = subject_of(folder, Path(symbols_cache) if symbols_cache else None, None)
    except BadInput as error:
        return {"run": folder, "verdict": UNUSABLE, "problem": str(error)}
    return {
        "run": folder,
        **_about(subject),
        **{name: fact for name, fact in facts_of(subject).items() if name in COLUMNS},
        **{one.name: str(one.status) for one in subject.verdict.invariants},
        "headline": subject.verdict.headline,
        "problem": "",
        "reproduce": subject.run.info.reproduce,
    }


def _about(subject: Subject) -> Row:
    info = subject.run.info
    return {
        "platform": info.platform,
        "source": info.source,
        "kernel": info.kernel.version or info.kernel.name,
        "series": str((info.series or {}).get("name", "")),
        "memory": info.machine.memory,
        "cpus": info.machine.cpus,
        "accept": info.machine.policy,
        "host": str(info.host),
        "seed": info.machine.seed,
    }
