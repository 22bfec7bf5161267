# SPDX-License-Identifier: GPL-2.0-only
"""docs/invariants.md describes the invariants of the code: all of them, and no others."""

from __future__ import annotations

import inspect
import re

import pytest

from acceptlab.analysis.invariants import REGISTRY, table_use
from acceptlab.analysis.trace.coverage import ABSENT
from tests.docs.pages import first_cells, sections, text_of

PAGE = text_of("invariants.md")
SECTIONS = {title.split(":")[0]: body for title, body in sections(PAGE).items()}
PARTS = ["What", "Why", "Hardware rule", "Example", "What a trace needs", "Findings"]


def part(name: str, title: str) -> str:
    """One part of an invariant's section: from its bold title to the next one."""
    found = re.search(rf"\*\*{title}\.\*\*(.*?)(?=^\*\*|\Z)", SECTIONS[name], re.S | re.M)
    assert found, f"{name} has no {title!r}"
    return found[1]


MORE_MODULES = {"I9": [table_use]}
"""Modules that an invariant has besides its own."""


def source_of(name: str) -> str:
    """The text of an invariant's module and of its parts, with its texts on one line."""
    module = inspect.getmodule(REGISTRY[name])
    assert module
    text = "".join(map(inspect.getsource, [module, *MORE_MODULES.get(name, [])]))
    return re.sub(r'"\s*\n\s*f?"', "", text)


def titles(name: str) -> list[str]:
    """The titles of the findings that a section lists, as patterns of what the code has."""
    listed = [cell for cell in first_cells(part(name, "Findings")) if cell]
    return [
        re.sub(r"\b(NAME|REASON|C-bit)\b", "{VALUE}", cell).replace("{VALUE}", "{}")
        for cell in listed
    ]


def test_every_invariant_has_a_section_and_every_section_an_invariant() -> None:
    assert list(SECTIONS) == list(REGISTRY)
    for title in sections(PAGE):
        name, _, words = title.partition(": ")
        assert words == REGISTRY[name].title


@pytest.mark.parametrize("name", REGISTRY)
def test_every_section_has_all_parts_in_order(name: str) -> None:
    assert re.findall(r"^\*\*([^*]+)\.\*\*", SECTIONS[name], re.M) == PARTS
    assert all(part(name, title).strip() for title in PARTS)
    assert "semantics.md" in part(name, "Hardware rule")


@pytest.mark.parametrize("name", REGISTRY)
def test_what_a_trace_needs_is_what_the_code_says(name: str) -> None:
    written = set(re.findall(r"`([^`]+)`", part(name, "What a trace needs"))) & set(ABSENT)
    invariant = REGISTRY[name]
    assert written == invariant.needed("snp") | invariant.needed("tdx")


@pytest.mark.parametrize("name", REGISTRY)
def test_every_finding_is_one_of_the_code(name: str) -> None:
    source = re.sub(r"{\w+}", "{}", source_of(name))
    missing = [title for title in titles(name) if f'"{title}"' not in source]
    assert titles(name)
    assert missing == []


@pytest.mark.parametrize("name", REGISTRY)
def test_every_finding_of_the_code_is_described(name: str) -> None:
    """A title is a constant of the module that a method uses as one; how it is used shows which are."""
    source = source_of(name)
    constants = dict(re.findall(r'^([A-Z][A-Z0-9_]*) = "([^"]+)"$', source, re.M))
    used = {
        constant
        for constant in constants
        if " " in constants[constant] and source.count(constant) > 1
    }
    written = set(titles(name))
    assert used
    assert {re.sub(r"{\w+}", "{}", constants[one]) for one in used} <= written
