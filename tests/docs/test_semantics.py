# SPDX-License-Identifier: GPL-2.0-only
"""Every citation of docs/semantics.md resolves, and every row of it is listed in tests/model/ROWS.md."""

from __future__ import annotations

import re

import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.docs.pages import first_cells, pages, text_of, tracked

PAGE = "semantics.md"
_ID = r"\d+(?:\.\d+){0,2}"
_ROW = re.compile(r"^\d+\.\d+(\.\d+)?$")
_ROOM = r"(?:\s+|\s*\n\s*(?:\*|//|\#)?\s*)"
CITATION = re.compile(
    rf"semantics\.md`?{_ROOM}({_ID}(?:(?:\s*[-,]{_ROOM}?|{_ROOM}(?:and|to){_ROOM})\d+(?:\.\d+){{1,2}})*)"
)
"""The sheet's name and one or several ids: ``1.2``, ``3.2, 3.3.1 and 6.9``, ``1.1-1.6``."""
OLD_FORMS = re.compile(r"\b[Ss]emantics (?:section )?\d|fact sheet|\bboot-notes\b")
"""Citations of documents that are not in the repository, or in a form that nobody checks."""


def ids_of(text: str) -> list[str]:
    """The ids of the rows of the sheet, in order."""
    return [cell for cell in first_cells(text) if _ROW.match(cell)]


def sections_of(text: str) -> set[str]:
    """The numbers of the sections."""
    return set(re.findall(r"^##+ (\d+(?:\.\d+)?)\.? ", text, re.MULTILINE))


def place(row: str) -> tuple[int, ...]:
    return tuple(int(part) for part in row.split("."))


def expanded(text: str) -> set[str]:
    """The ids in a text; ``1.2.3-1.2.5`` stands for all of its section from the first to the last."""
    found: set[str] = set()
    for first, last in re.findall(r"(\d+(?:\.\d+)+)(?:\s*-\s*(\d+(?:\.\d+)+))?", text):
        if not last:
            found.add(first)
            continue
        *section, begin = place(first)
        *same, end = place(last)
        assert section == same and begin < end, f"{first}-{last} is no range"
        found |= {".".join(map(str, [*section, one])) for one in range(begin, end + 1)}
    return found


def cited(text: str) -> list[str]:
    """The ids in all citations of a text."""
    return [one for found in CITATION.findall(text) for one in sorted(expanded(found) or {found})]


SHEET = text_of(PAGE)
ROWS = ids_of(SHEET)
KNOWN = {*ROWS, *sections_of(SHEET)}


def test_every_row_has_an_id_of_its_own_and_they_are_in_order() -> None:
    assert len(ROWS) == len(set(ROWS)) > 200
    expected: dict[str, int] = {}
    for row in ROWS:
        section, _, number = row.rpartition(".")
        assert section in KNOWN, row
        expected[section] = expected.get(section, 0) + 1
        assert int(number) == expected[section], f"{row} follows {section}.{expected[section] - 1}"


def test_every_citation_in_the_repository_resolves() -> None:
    wrong = []
    count = 0
    for name, text in tracked():
        if name.startswith(("tests/docs/", ".git/")):
            continue
        ids = cited(text)
        count += len(ids)
        wrong += [f"{name}: {one}" for one in ids if one not in KNOWN]
        wrong += [f"{name}: {old.group()}" for old in OLD_FORMS.finditer(text)]
    assert wrong == []
    assert count > 60


def test_every_page_of_docs_that_is_named_exists() -> None:
    named = {
        (name, page)
        for name, text in tracked()
        if not name.startswith("tests/docs/")
        for page in re.findall(r"(?<![\w/])docs/([\w-]+\.md)", text)
    }
    assert [(name, page) for name, page in sorted(named) if page not in pages()] == []
    assert len(named) > 10


def test_the_references_inside_the_sheet_resolve() -> None:
    inside = set(re.findall(r"(?<![\d.])([1-5]\.\d+\.[1-9]\d*)(?![\d.])", SHEET))
    inside |= set(re.findall(r"\(([1-3]\.\d+)\)", SHEET))
    assert inside - KNOWN == set()
    assert len(inside) > len(ROWS) / 2


def test_every_row_is_listed_with_its_test() -> None:
    table = (CHECKOUT / "tests/model/ROWS.md").read_text().split("\n## Readings")[0]
    listed = expanded(" ".join(cell for cell in first_cells(table) if cell[0].isdigit()))
    assert sorted(set(ROWS) - listed, key=place) == []
    assert sorted(listed - set(ROWS), key=place) == []


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("(semantics.md 1.2.5)", ["1.2.5"]),
        ("semantics.md 3.2, 3.3.1 and 6.9)", ["3.2", "3.3.1", "6.9"]),
        ("`docs/semantics.md` 2.2.2-2.2.4", ["2.2.2", "2.2.3", "2.2.4"]),
        (" * of a page (semantics.md\n * 2.6.6).", ["2.6.6"]),
        ("semantics.md 5 lists", ["5"]),
        ("see semantics.md for more", []),
    ],
)
def test_what_is_a_citation(text: str, ids: list[str]) -> None:
    assert cited(text) == ids


def test_a_row_that_is_removed_is_missed() -> None:
    """Whichever row goes: its successor's id does not fit, or a citation of the last one has no target."""
    table = (CHECKOUT / "tests/model/ROWS.md").read_text().split("\n## Readings")[0]
    listed = expanded(" ".join(cell for cell in first_cells(table) if cell[0].isdigit()))
    for row in ROWS:
        left = re.sub(rf"^\| {re.escape(row)} \|.*\n", "", SHEET, flags=re.MULTILINE)
        assert len(left) < len(SHEET)
        assert row in listed - set(ids_of(left))
