# SPDX-License-Identifier: GPL-2.0-only
"""Reports on one or several runs: text for a mail, Markdown, JSON, and one HTML page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.files import write_text
from acceptlab.analysis.measure.cost_profile import Profile
from acceptlab.analysis.pages.walk import Progress
from acceptlab.analysis.printable import shown_lines
from acceptlab.analysis.report.facts import Subject, subject_of
from acceptlab.analysis.report.run_json_form import as_json
from acceptlab.analysis.report.run_markdown import as_markdown
from acceptlab.analysis.report.run_text import as_text

FORMATS = ("text", "markdown", "json", "html")


def render(
    paths: Sequence[Path | str],
    format: str,
    *,
    symbols_cache: Path | None = None,
    profile: Profile | None = None,
    progress: Progress | None = None,
    static: bool = False,
) -> str:
    """A whole document about the run folders ``paths``, in one of ``FORMATS``.

    With a cost ``profile`` it has modelled times as well. ``static``: the HTML page without scripts, small enough for a mail. ``progress`` is called with (events done, events in all) for every pass over a run. Raises
    BadInput for an unknown format or an unusable folder; writes nothing.
    """
    if format not in FORMATS:
        raise BadInput(f"unknown report format {format!r}; formats are {', '.join(FORMATS)}")
    if static and format != "html":
        raise BadInput("only a report in HTML can be static")
    if not paths:
        raise BadInput("a report needs at least one run folder")
    subjects = [subject_of(path, symbols_cache, progress, profile) for path in paths]
    return document(subjects, format, static=static)


def document(subjects: Sequence[Subject], format: str, *, static: bool = False) -> str:
    """A whole document, in one of ``FORMATS``, about runs that were read and judged before."""
    text = _form(format, static)(subjects)
    # JSON and HTML escape by themselves; a text is for a terminal or a mail.
    return shown_lines(text) if format in ("text", "markdown") else text


def write(document: str, path: Path) -> None:
    """Write a document, beside and renamed; raises BadInput when that fails."""
    write_text(path, document)


def _form(format: str, static: bool) -> Callable[[Sequence[Subject]], str]:
    if format == "html":
        # plotly takes long to import
        from acceptlab.analysis.report.html import as_html, as_static_html

        return as_static_html if static else as_html
    forms: dict[str, Callable[[Sequence[Subject]], str]]
    forms = {"text": as_text, "markdown": as_markdown, "json": as_json}
    return forms[format]
