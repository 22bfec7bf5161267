# SPDX-License-Identifier: GPL-2.0-only
"""A series as mails for the list: git format-patch with cover letter, base-commit, range-diff and bench table."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.apply import Applied, apply
from acceptlab.toolkit.series.git import git, user
from acceptlab.toolkit.series.mailbox import read_patches
from acceptlab.toolkit.series.series_source import Series

WIDTH = 72
"""Columns of a cover letter's text, as lists expect it."""
_SUBJECT, _BLURB = "*** SUBJECT HERE ***", "*** BLURB HERE ***"
"""What git format-patch leaves to be filled in."""


def export(
    applied: Applied, out: Path, version: int, previous: Path | None, table: str
) -> list[Path]:
    """Write the series into `out`, new or empty, and return its files, the cover letter first.

    `previous` is an earlier version (folder or mbox), to which a range-diff is added; `table` a text that goes into the cover
    letter as it is. Raises BadInputError for a folder that holds something, or a table that is too wide.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInputError(f"{out} is not empty: give --out a new folder")
    wide = next((line for line in table.splitlines() if len(line) > WIDTH), None)
    if wide is not None:
        raise BadInputError(f"the table is wider than {WIDTH} columns: {wide.strip()[:WIDTH]!r}")
    base = applied.commits[0].sha
    words = ["--cover-letter", f"--base={base}", "--no-signature", f"--reroll-count={version}"]
    if version == 1:
        words.pop()
    if previous is not None:
        words += [f"--range-diff={base}..{_earlier(applied, previous)}", "--creation-factor=90"]
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        beside.mkdir(parents=True)
        git(
            applied.base.repository, "format-patch", "--quiet", *words, "--output-directory", str(beside.resolve()),
            f"{base}..{applied.head.sha}", identity=user(),
        )  # fmt: skip
        files = sorted(beside.iterdir())
        _fill_in(files[0], applied, table)
        if out.exists():
            out.rmdir()
        beside.replace(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return [out / file.name for file in files]


def _earlier(applied: Applied, previous: Path) -> str:
    """Return the head of the earlier version on today's base: what is to be seen is how the patches changed."""
    patches = read_patches(previous).patches
    spec = replace(applied.series.spec, name=f"{applied.series.name}-previous")
    return apply(Series(spec, tuple(patches), None, str(previous)), applied.base).head.sha


def _fill_in(cover: Path, applied: Applied, table: str) -> None:
    """Put subject, text and table in the places that git left for them."""
    subject, text = cover_of(applied)
    blurb = "\n\n".join(part for part in (text.strip("\n"), table.strip("\n")) if part)
    letter = cover.read_text(encoding="utf-8")
    filled = letter.replace(_SUBJECT, subject, 1).replace(_BLURB, blurb, 1)
    cover.write_text(filled, encoding="utf-8")


def cover_of(applied: Applied) -> tuple[str, str]:
    """Return the cover letter's subject and text; where the series has none, its title and nothing."""
    cover = applied.series.cover
    if cover is None:
        return applied.series.spec.title, ""
    text = cover.text
    # What git made for an earlier export is regenerated: the list of patches, the diffstat, the base.
    for mark in (
        f"\n{_first_of_shortlog(text)}" if _first_of_shortlog(text) else "",
        "\nbase-commit: ",
    ):
        if mark and mark in text:
            text = text[: text.index(mark)]
    return cover.subject, text


def _first_of_shortlog(text: str) -> str:
    """Return the line that begins git's list of patches (`Name (12):`), "" when there is none."""
    for line in text.splitlines():
        name, bracket, count = line.rpartition(" (")
        if bracket and name and count.rstrip("):").isdecimal() and count.endswith("):"):
            return line
    return ""
