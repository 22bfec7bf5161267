# SPDX-License-Identifier: GPL-2.0-only
"""A series in a comparison, on the toy tree: named as every other command names it, every patch, modelled times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.toolkit.series.conftest import Command, Tree

pytestmark = pytest.mark.processes

QUICK = ("--seeds", "1", "--platform", "tdx", "--memory", "2G")


@pytest.mark.usefixtures("three")
def test_commits_of_a_tree_patch_by_patch(
    acceptlab: Command, tree: Tree, spec: Path, tmp_path: Path
) -> None:
    named = ("--tree", str(tree.path), "--range", "base..HEAD", "--spec", str(spec), "--every")
    code, out, err = acceptlab(
        "series", "bench", *named, *QUICK, "--out", str(tmp_path / "bench"), "--json"
    )
    assert code in (0, 4), err  # the toy has no stages: undecided
    rows = json.loads(out)["blocks"][0]["rows"]
    assert [row["kernel"] for row in rows] == [
        "base", "1 init: Return two", "2 mm: Keep a spare", "3 kernel: Fork three t..",
    ]  # fmt: skip


def test_a_profile_adds_a_block_that_says_modelled(
    acceptlab: Command, three: Path, tmp_path: Path
) -> None:
    words = ("series", "bench", str(three), *QUICK, "--profile", "tdx-shutemov-2024")
    _, out, err = acceptlab(*words, "--out", str(tmp_path / "bench"))
    assert "tdx: modelled before userspace (tdx-shutemov-2024), ms" in out, err
    assert "Modelled (tdx-shutemov-2024), not measured" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "give one series"),
        (("--tree", "/nowhere"), "/nowhere is not a git repository"),
        (("x", "--platform", "snp", "--profile", "tdx-shutemov-2024"), "add --platform tdx"),
        (("x", "--profile", "none-such"), "no profile 'none-such'"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_line(
    acceptlab: Command, words: tuple[str, ...], says: str
) -> None:
    code, out, err = acceptlab("series", "bench", *words)
    assert (code, out) == (2, "")
    assert says in err.splitlines()[-1]
