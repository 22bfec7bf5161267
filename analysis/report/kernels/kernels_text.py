# SPDX-License-Identifier: GPL-2.0-only
"""A comparison of kernels as plain text, at most 72 columns wide, and as Markdown."""

from __future__ import annotations

from acceptlab.analysis.printable import shown_lines
from acceptlab.analysis.report.kernels.kernels_table import comparison
from acceptlab.analysis.report.kernels.summary import Bench
from acceptlab.analysis.report.run_markdown import chapter_parts, provenance_parts
from acceptlab.analysis.report.run_text import chapter_lines, provenance_lines


def as_text(bench: Bench) -> str:
    """The whole comparison."""
    lines = chapter_lines(comparison(bench))
    lines += provenance_lines(bench.provenance) if bench.provenance else []
    return shown_lines("\n".join(lines).rstrip() + "\n")


def as_markdown(bench: Bench) -> str:
    """The same as Markdown."""
    parts = [chapter_parts(comparison(bench), "##")]
    parts += provenance_parts(bench.provenance) if bench.provenance else []
    return shown_lines("\n\n".join(parts).rstrip() + "\n")
