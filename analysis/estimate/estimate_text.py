# SPDX-License-Identifier: GPL-2.0-only
"""A projection as text that can be pasted into a mail."""

from __future__ import annotations

from acceptlab.analysis.estimate.estimate import Projection
from acceptlab.analysis.estimate.estimate_chapters import chapters_of
from acceptlab.analysis.report.run_text import chapter_lines


def as_text(projection: Projection) -> str:
    """The whole projection, at most 72 columns wide."""
    lines = [line for one in chapters_of(projection) for line in chapter_lines(one)]
    return "\n".join(lines).rstrip() + "\n"
