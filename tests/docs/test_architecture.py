# SPDX-License-Identifier: GPL-2.0-only
"""ARCHITECTURE.md and CONTRIBUTING.md name files and rooms that are there, and every room."""

from __future__ import annotations

import re

import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.house.test_rooms import ROOMS, SPINE

PAGES = ("ARCHITECTURE.md", "CONTRIBUTING.md")
PATH = re.compile(r"`((?:analysis|toolkit|emulator|docs|tests|setup|patches)/[\w./-]*)`")
PLACEHOLDER = "analysis/invariants/iNN_name.py"


@pytest.mark.parametrize("page", PAGES)
def test_every_path_is_there(page: str) -> None:
    named = set(PATH.findall((CHECKOUT / page).read_text())) - {PLACEHOLDER}
    assert len(named) > 10
    assert [path for path in sorted(named) if not (CHECKOUT / path).exists()] == []


def test_every_room_has_its_row() -> None:
    rooms = {f"analysis/{room}/" for room in SPINE} | {f"toolkit/{room}/" for room in ROOMS}
    rows = set(
        re.findall(r"^\| `(\w+/\w+/)` \|", (CHECKOUT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    )
    assert rows == rooms


@pytest.mark.parametrize("page", [*PAGES, "docs/README.md"])
def test_the_readme_leads_there(page: str) -> None:
    assert f"]({page})" in (CHECKOUT / "README.md").read_text()
