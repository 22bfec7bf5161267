# SPDX-License-Identifier: GPL-2.0-only
"""What is counted of one finished run, and kept beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from acceptlab.analysis.files import write_text
from acceptlab.analysis.report.facts import subject_of
from acceptlab.analysis.report.matrix.columns import facts_of
from acceptlab.toolkit.places import cache


def record_of(folder: Path, judge: str) -> dict[str, Any]:
    """Judge a run, write its verdict.json and return what is counted of it; `judge` names today's analysis (run_cache.judges)."""
    subject = subject_of(folder, cache() / "symbols", None)
    verdict, info = subject.verdict, subject.run.info
    text = json.dumps(verdict.to_json(), indent=2, sort_keys=True, ensure_ascii=False)
    write_text(subject.run.verdict_path, text + "\n")
    return {
        "judge": judge,
        "facts": facts_of(subject),
        "counts": subject.cost.counts(),
        "findings": [
            {"invariant": one.invariant, "title": one.title, "total": one.total}
            for one in verdict.findings
        ],
        "undecided": verdict.reasons,
        "reason": info.reason,
        "reproduce": info.reproduce,
        "clock": info.clock,
    }
