# SPDX-License-Identifier: GPL-2.0-only
"""A projection as text that can be pasted into a mail."""

from __future__ import annotations

from analysis.projection.chapters import chapters_of
from analysis.projection.project import Projection
from analysis.report.text import chapter_lines


def as_text(projection: Projection) -> str:
    """The whole projection, at most 72 columns wide."""
    lines = [line for one in chapters_of(projection) for line in chapter_lines(one)]
    return "\n".join(lines).rstrip() + "\n"
