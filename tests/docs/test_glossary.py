# SPDX-License-Identifier: GPL-2.0-only
"""docs/glossary.md explains each word once, and has the words that the other pages take for granted."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.docs.pages import first_cells, sections, text_of

PAGE = text_of("glossary.md")
WORDS = [
    word.strip()
    for title, body in sections(PAGE).items()
    for cell in first_cells(body)
    for word in re.sub(r"\(([^)]*)\)", r",\1", cell).split(",")
    if title
]
WANTED = """accept, rescind, release, convert, access, fault, fatal exit, boot handoff, memory hole, event gap, page, unit,
bitmap, guard unit, RMP, GHCB, VMSA, PSC, VMPL, SEPT, secure EPT, EPT violation, TD, TDCALL, TDVMCALL, #VC, #VE, C-bit,
SHARED bit, PVALIDATE, NPF, SVSM, OVMF, MapGPA, PENDING, run, finding, verdict, invariant, kexec, kdump"""


def test_every_word_has_one_meaning() -> None:
    assert [word for word, count in Counter(WORDS).items() if count > 1] == []
    assert len(WORDS) > 90


def test_the_words_that_a_newcomer_meets_are_there() -> None:
    assert {word.strip() for word in WANTED.replace("\n", " ").split(",")} - set(WORDS) == set()


@pytest.mark.parametrize("body", sections(PAGE).values(), ids=list(sections(PAGE)))
def test_the_words_are_in_order(body: str) -> None:
    cells = [re.sub(r"[^a-z0-9 ]", "", cell.lower()) for cell in first_cells(body)]
    assert cells == sorted(cells)
