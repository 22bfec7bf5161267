# SPDX-License-Identifier: GPL-2.0-only
"""The pages of docs/, and what they hold: rows of tables, sections, links, blocks of shell commands."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from acceptlab.toolkit.places import CHECKOUT

DOCS = CHECKOUT / "docs"


def text_of(page: str) -> str:
    """The whole text of a page of docs/."""
    return (DOCS / page).read_text()


def pages() -> list[str]:
    """The names of all pages of docs/."""
    return sorted(path.name for path in DOCS.glob("*.md"))


def tracked() -> Iterator[tuple[str, str]]:
    """Name and text of every file of the repository that is text, new files included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        path = CHECKOUT / name
        if not path.is_file():
            continue
        try:
            yield name, path.read_text()
        except UnicodeDecodeError:
            continue


def sections(text: str, level: int = 2) -> dict[str, str]:
    """Title and body of every section of one level."""
    parts = re.split(rf"^{'#' * level} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_cells(text: str) -> list[str]:
    """The first cell of every row of the tables in a text, headings and rules left out."""
    lines = text.splitlines()
    rows = [
        line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("|") and not line.startswith("|-") and not after.startswith("|-")
    ]
    return [re.split(r"(?<!\\)\|", row)[1].strip() for row in rows]


def names_in(text: str) -> set[str]:
    """The names in backquotes in the first cells of the tables in a text."""
    return {name for cell in first_cells(text) for name in re.findall(r"`([^`]+)`", cell)}


def blocks(text: str) -> list[str]:
    """The blocks of shell commands of a text."""
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """The targets of all links of a text."""
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchor(title: str) -> str:
    """The anchor that a heading gets in the forges' rendering."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def exists(page: Path, target: str) -> bool:
    """Whether what a link of a page leads to is there."""
    path, _, place = target.partition("#")
    file = (page.parent / path) if path else page
    if not file.exists():
        return False
    if not place:
        return True
    titles = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return place in {anchor(title) for title in titles}
