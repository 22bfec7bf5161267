# SPDX-License-Identifier: GPL-2.0-only
"""What a platform is has one place on each side: nothing else compares its name, or has a table by it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from acceptlab.analysis.run import platform
from acceptlab.toolkit import platforms
from acceptlab.toolkit.places import CHECKOUT

TABLES = {"analysis/run/platform.py", "toolkit/platforms.py"}
NAMES = set(platforms.PLATFORMS)
ROWS = {"SNP", "TDX", "PLAIN"}
"""The tables' rows, as Python has them: to compare with one is to compare names."""


def names_in(node: ast.AST) -> bool:
    """Whether an expression has a platform's name in it: by itself, in a list or set, or by way of a table's row."""
    if isinstance(node, ast.Constant):
        return node.value in NAMES
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(names_in(one) for one in node.elts)
    if isinstance(node, ast.Attribute):
        return node.attr in ROWS or names_in(node.value)
    return isinstance(node, ast.Name) and node.id in ROWS


def uses_a_name(node: ast.AST) -> bool:
    """Whether a piece of code decides by a platform's name, or has it at hand in a list."""
    if isinstance(node, ast.Compare):
        return any(names_in(one) for one in (node.left, *node.comparators))
    if isinstance(node, ast.Dict):
        return any(one is not None and names_in(one) for one in node.keys)
    if isinstance(node, ast.MatchValue):
        return names_in(node.value)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(isinstance(one, ast.Constant) and one.value in NAMES for one in node.elts)
    if isinstance(node, ast.keyword):
        return isinstance(node.value, ast.Constant) and node.value.value in NAMES
    if isinstance(node, ast.Call):
        return any(isinstance(one, ast.Constant) and one.value in NAMES for one in node.args)
    return False


def places(source: str) -> list[int]:
    """The lines that use a platform's name."""
    if not any(name in source for name in NAMES | ROWS):
        return []
    return sorted(
        {node.lineno for node in ast.walk(ast.parse(source)) if uses_a_name(node) and hasattr(node, "lineno")}
    )  # fmt: skip


def modules() -> list[Path]:
    return [
        path
        for top in ("analysis", "toolkit", "benchmarks")
        for path in sorted((CHECKOUT / top).rglob("*.py"))
        if str(path.relative_to(CHECKOUT)) not in TABLES
    ]


@pytest.mark.parametrize(
    "source",
    [
        'if info.platform == "snp": pass',
        'x = 1 if "tdx" != platform else 2',
        'if platform in ("snp", "plain"): pass',
        'TABLE = {"snp": 1, "tdx": 2}',
        'PLATFORMS = ("snp", "tdx")',
        'run(platform="snp")',
        'run("", "snp")',
        "if platform == SNP.name: pass",
        "if row is platform.TDX: pass",
        "TABLE = {SNP.name: 1}",
        'match platform:\n    case "snp": pass',
    ],
)
def test_the_use_of_a_name_is_found(source: str) -> None:
    assert places(source)


@pytest.mark.parametrize(
    "source",
    [
        "rule = platform_of(info.platform).rules",
        'help = "snp or tdx: the kind of guest"',
        'value = match["plain"]',
        "plain = replace(options, platform=PLAIN.name)",
    ],
)
def test_what_is_no_use_of_a_name_is_not(source: str) -> None:
    assert places(source) == []


def test_nothing_but_the_tables_decides_by_a_platform_s_name() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{line}"
        for path in modules()
        for line in places(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_two_tables_are_of_the_same_platforms() -> None:
    assert set(platform.PLATFORMS) == set(platforms.CONFIDENTIAL) == set(platforms.HARDWARE)
    assert set(platforms.INNER) == {platforms.PLAIN.name}
    for name, one in platform.PLATFORMS.items():
        assert platforms.PLATFORMS[name].title == one.title
