# SPDX-License-Identifier: GPL-2.0-only
"""ARCHITECTURE.md and CONTRIBUTING.md name files, functions and rooms that are there, and every room."""

from __future__ import annotations

import re

import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.docs.pages import exists, links
from tests.house.test_rooms import ROOMS, SPINE

PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md")
ALL_ROOMS = {f"analysis/{room}/" for room in SPINE} | {f"toolkit/{room}/" for room in ROOMS}
EMULATOR = {"emulator/model/", "emulator/qemu/"}
NEW = {"analysis/invariants/iNN_name.py"}
"""Stands for a file that a reader of the recipe makes."""
_WORD = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:[\w.+-]+/)+(?:[\w+-][\w.+-]*\.\w+)?")
_STEP = re.compile(r"^\| `([^`]+)` \| ((?:`\w+`(?:, )?)+) \|", re.MULTILINE)


def paths_in(text: str) -> set[str]:
    """Words in backquotes with a slash that have an extension, or end in a slash."""
    return {word for word in _WORD.findall(text) if _PATH.fullmatch(word)}


def missing_in(text: str) -> list[str]:
    """The paths of a text that are not there."""
    return sorted(path for path in paths_in(text) - NEW if not (CHECKOUT / path).exists())


def steps_in(text: str) -> list[tuple[str, str]]:
    """File and function of every step of the walks."""
    return [
        (file, name) for file, names in _STEP.findall(text) for name in re.findall(r"\w+", names)
    ]


def is_defined(file: str, name: str) -> bool:
    """Whether a function or class of that name is in a file: a definition in Python, a name before a parenthesis in C."""
    text = (CHECKOUT / file).read_text()
    looks = rf"(?:def|class) {name}\b" if file.endswith(".py") else rf"\b{name}\("
    return re.search(looks, text) is not None


def text_of(page: str) -> str:
    return (CHECKOUT / page).read_text()


def test_what_is_taken_for_a_path() -> None:
    text = (
        "`a/b.py` `a/` `a/b-c/d.e.patch` `a b/c` `make x` `debian:6.12/rt` `a/b` `/abs/x.py` `.x/`"
    )
    assert paths_in(text) == {"a/b.py", "a/", "a/b-c/d.e.patch", ".x/"}
    assert missing_in("`toolkit/cli/` `toolkit/no_such.py` `toolkit/none/`") == [
        "toolkit/no_such.py",
        "toolkit/none/",
    ]


def test_a_function_that_is_not_there_is_found() -> None:
    row = "| `toolkit/runs/run_cache.py` | `key_of`, `cache_key` | text |\n"
    assert [is_defined(*step) for step in steps_in(row)] == [True, False]
    assert not is_defined("emulator/qemu/snp.c", "pvalidat")


@pytest.mark.parametrize("page", PAGES)
def test_every_path_is_there(page: str) -> None:
    assert len(paths_in(text_of(page))) > 30
    assert missing_in(text_of(page)) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_room_is_named(page: str) -> None:
    assert paths_in(text_of(page)) >= ALL_ROOMS | EMULATOR


def test_every_room_has_its_row_and_the_spine_is_in_order() -> None:
    rows = re.findall(r"^\| `(\w+/\w+/)` \|", text_of("ARCHITECTURE.md"), re.MULTILINE)
    assert sorted(rows) == sorted(ALL_ROOMS | EMULATOR)
    assert [row for row in rows if row.startswith("analysis/")] == [f"analysis/{n}/" for n in SPINE]


def test_every_function_of_the_walks_is_there() -> None:
    steps = steps_in(text_of("ARCHITECTURE.md"))
    assert len(steps) > 40
    assert [step for step in steps if not is_defined(*step)] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_links_lead_somewhere(page: str) -> None:
    assert [to for to in links(text_of(page)) if not exists(CHECKOUT / page, to)] == []


@pytest.mark.parametrize("page", [*PAGES, "docs/README.md"])
def test_the_readme_leads_there(page: str) -> None:
    assert f"]({page})" in text_of("README.md")
