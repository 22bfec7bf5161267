# SPDX-License-Identifier: GPL-2.0-only
"""The rooms of analysis/ and toolkit/: who imports whom. analysis/ is a spine, toolkit/ stands on it, and nothing goes in a circle."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from acceptlab.toolkit.places import CHECKOUT

SPINE = (
    "trace", "run", "kernel", "readers", "pages", "invariants", "measure", "explain", "report", "export", "estimate",
    "batch",
)  # fmt: skip
"""The rooms of analysis/: each uses only those before it (ARCHITECTURE.md)."""
ROOMS = (
    "apt", "kernels", "firmware", "guest", "qemu", "run", "runs", "matrix", "explore", "campaign", "debug", "series", "bisect", "collect",
    "importing", "hardware",
    "batch", "doctor", "cli",
)  # fmt: skip
"""The rooms of toolkit/."""
FORMS = {"__init__.py", "__main__.py"}
MAY_BE_ALIKE = {"page.css", "page.js", "README.md"}

Arrow = tuple[str, str]


def modules() -> Iterator[tuple[Path, str]]:
    """Every module, and its dotted name below `acceptlab`."""
    for top in ("analysis", "toolkit"):
        for path in sorted((CHECKOUT / top).rglob("*.py")):
            parts = path.relative_to(CHECKOUT).with_suffix("").parts
            yield path, ".".join(part for part in parts if part != "__init__")


@cache
def names() -> set[str]:
    return {name for _, name in modules()}


def imports_of(path: Path) -> set[str]:
    """The modules of ours that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("acceptlab"):
            parent = node.module.removeprefix("acceptlab").lstrip(".")
            for one in node.names:
                whole = f"{parent}.{one.name}".lstrip(".")
                found.add(whole if whole in names() else parent)
    return found - {""}


def room_of(name: str) -> str:
    """`analysis.trace.schema` is in the room `analysis.trace`; a module at the top is a room of its own."""
    return ".".join(name.split(".")[:2])


@cache
def graph() -> dict[str, set[str]]:
    return {name: imports_of(path) for path, name in modules()}


def circle_in(arrows: dict[str, set[str]]) -> list[str]:
    """One circle, as the names along it; none is an empty list."""
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        done.add(name)
        for other in sorted(arrows.get(name, ())):
            if found := visit(other, [*way, name]):
                return found
        return []

    for name in sorted(arrows):
        if found := visit(name, []):
            return found
    return []


def rooms() -> dict[str, set[str]]:
    arrows: dict[str, set[str]] = {}
    for name, used in graph().items():
        arrows.setdefault(room_of(name), set()).update(room_of(one) for one in used)
    return {room: used - {room} for room, used in arrows.items()}


def test_a_circle_is_found() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_modules_import_in_no_circle() -> None:
    assert circle_in(graph()) == []


def test_rooms_import_in_no_circle() -> None:
    assert circle_in(rooms()) == []


def test_the_folders_are_the_rooms_of_the_architecture() -> None:
    for top, known in (("analysis", SPINE), ("toolkit", ROOMS)):
        folders = {path.parent.name for path in (CHECKOUT / top).glob("*/__init__.py")}
        assert folders == set(known)


@pytest.mark.parametrize("room", SPINE)
def test_a_room_of_the_spine_uses_only_those_before_it(room: str) -> None:
    later = {f"analysis.{one}" for one in SPINE[SPINE.index(room) + 1 :]}
    assert rooms().get(f"analysis.{room}", set()) & later == set()


def test_analysis_never_imports_toolkit() -> None:
    for name, used in graph().items():
        if name.startswith("analysis"):
            assert not [one for one in used if one.startswith("toolkit")], name


def test_no_two_files_have_one_name() -> None:
    """Commands are modules named as users type them; a room may have a file of that name."""
    paths = [
        path
        for top in ("analysis", "toolkit")
        for path in (CHECKOUT / top).rglob("*")
        if path.is_file()
    ]
    named = Counter(
        path.name for path in paths
        if "__pycache__" not in path.parts and "cli" not in path.parts and "headers" not in path.parts
    )  # fmt: skip
    assert {name for name, count in named.items() if count > 1} <= FORMS | MAY_BE_ALIKE
