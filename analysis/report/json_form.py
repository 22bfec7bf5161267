# SPDX-License-Identifier: GPL-2.0-only
"""A report as JSON, for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from analysis.report.facts import Subject, caller_rows, fact_rows, stage_rows


def as_json(subjects: Sequence[Subject]) -> str:
    """An object with ``format`` and ``runs``, in the order they were given."""
    document = {"format": 1, "runs": [_run(subject) for subject in subjects]}
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _run(subject: Subject) -> dict[str, Any]:
    info, cost = subject.run.info, subject.cost
    return {
        "name": subject.name,
        "path": str(subject.run.path),
        "facts": dict(fact_rows(subject)),
        "verdict": subject.verdict.to_json(),
        "clock": info.clock,
        "reproduce": info.reproduce,
        "operations": [asdict(one) for one in cost.operations],
        "callers": [asdict(row) for row in caller_rows(subject)],
        "stages": [
            {"stage": stage, "clock": spent, "accepts": accepts, "bytes": size}
            for stage, spent, accepts, size in stage_rows(subject)
        ],
    }
