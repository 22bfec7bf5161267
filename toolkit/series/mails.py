# SPDX-License-Identifier: GPL-2.0-only
"""A series as mails for the list: git format-patch with cover letter, base-commit, range-diff and bench table."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.apply import Applied, apply
from acceptlab.toolkit.series.git import git, user
from acceptlab.toolkit.series.mailbox import read_patches
from acceptlab.toolkit.series.message import Message
from acceptlab.toolkit.series.order import Ordered
from acceptlab.toolkit.series.series_source import Series
from acceptlab.toolkit.series.series_spec import GitBase

WIDTH = 72
"""Columns of a cover letter's text, as lists expect it."""
_SUBJECT, _BLURB = "*** SUBJECT HERE ***", "*** BLURB HERE ***"
"""What git format-patch leaves to be filled in."""
EDITME = "EDITME"
"""Stands where only the author can say something; b4 uses the same word."""
_LORE = "https://lore.kernel.org/r/"
"""Where a mail to a list of Linux is found by its Message-ID (Documentation/maintainer/configure-git.rst)."""


@dataclass(frozen=True)
class Letter:
    """What goes into a cover letter beside the series' own words.

    `previous` is the earlier version (folder or mbox), to which a range-diff is added, `link` where it can be read; `table` a text
    that is taken as it is; `cover` a letter in place of the series' own.
    """

    version: int = 1
    previous: Path | None = None
    link: str = ""
    table: str = ""
    cover: Message | None = None


def export(applied: Applied, out: Path, letter: Letter) -> list[Path]:
    """Write the series into `out`, new or empty, and return its files, the cover letter first.

    Raises BadInputError for a folder that holds something, or a table that is too wide.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInputError(f"{out} is not empty: give --out a new folder")
    wide = next((line for line in letter.table.splitlines() if len(line) > WIDTH), None)
    if wide is not None:
        raise BadInputError(f"the table is wider than {WIDTH} columns: {wide.strip()[:WIDTH]!r}")
    base, previous = applied.commits[0].sha, letter.previous
    words = ["--cover-letter", f"--base={base}", "--no-signature"]
    words += [f"--reroll-count={letter.version}"] if letter.version > 1 else []
    earlier = read_patches(previous) if previous is not None else None
    if earlier is not None:
        words += [
            f"--range-diff={base}..{_head_of(applied, earlier, str(previous))}",
            "--creation-factor=90",
        ]
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        beside.mkdir(parents=True)
        git(
            applied.base.repository, "format-patch", "--quiet", *words, "--output-directory", str(beside.resolve()),
            f"{base}..{applied.head.sha}", identity=user(_tree_of(applied)),
        )  # fmt: skip
        files = sorted(beside.iterdir())
        _fill_in(files[0], applied, letter, earlier)
        if out.exists():
            out.rmdir()
        beside.replace(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return [out / file.name for file in files]


def _tree_of(applied: Applied) -> Path | None:
    """Return the user's own repository that the series is based in, None where it is in none."""
    base = applied.series.spec.base
    return base.repository if isinstance(base, GitBase) and base.repository.is_dir() else None


def _head_of(applied: Applied, earlier: Ordered, origin: str) -> str:
    """Return the head of the earlier version on today's base: what is to be seen is how the patches changed."""
    spec = replace(applied.series.spec, name=f"{applied.series.name}-previous")
    return apply(Series(spec, tuple(earlier.patches), None, origin), applied.base).head.sha


def _fill_in(file: Path, applied: Applied, letter: Letter, earlier: Ordered | None) -> None:
    """Put subject, text, changes and table in the places that git left for them."""
    subject, text = cover_of(applied, letter.cover)
    parts = [text.strip("\n"), _changes(text, letter, earlier), letter.table.strip("\n")]
    blurb = "\n\n".join(part for part in parts if part)
    mail = file.read_text(encoding="utf-8")
    filled = mail.replace(_SUBJECT, subject, 1).replace(_BLURB, blurb, 1)
    file.write_text(filled, encoding="utf-8")


def _changes(text: str, letter: Letter, earlier: Ordered | None) -> str:
    """Return the section on what changed since the version before, and where that is; nothing where the text has it."""
    before = letter.version - 1
    if before < 1 or re.search(
        rf"^changes (since|in|from) v{before}\b", text, re.IGNORECASE | re.MULTILINE
    ):
        return ""
    id = earlier.cover.id if earlier is not None and earlier.cover is not None else ""
    link = letter.link or (f"{_LORE}{id.strip('<>')}" if id else EDITME)
    return f"Changes since v{before}:\n- {EDITME}\n\nv{before}: {link}"


def cover_of(applied: Applied, cover: Message | None = None) -> tuple[str, str]:
    """Return the cover letter's subject and text, of `cover` or the series' own; where there is none, its title and EDITME."""
    cover = cover or applied.series.cover
    if cover is None:
        return applied.series.spec.title, f"{EDITME}: what the series does, and why."
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
