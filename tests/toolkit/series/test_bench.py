# SPDX-License-Identifier: GPL-2.0-only
"""A series in a comparison, on the toy tree: named as every other command names it, every patch, modelled times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.toolkit import toy
from tests.toolkit.series.conftest import Command, Tree

pytestmark = pytest.mark.processes


def toy_kernel(path: Path) -> None:
    """A kernel of no series, with no configuration beside it."""
    path.write_bytes(toy.make_bzimage())


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
    found = json.loads(out)
    assert len({build["configuration"] for build in found["builds"]}) == 1
    assert found["builds"][0]["commit"] == tree.git("rev-parse", "base")
    assert "counts, not times" in found["provenance"]["line"]
    assert (
        "host pages: 4K (kvm)" in found["provenance"]["line"]
    )  # what speaks of a host speaks of a real one
    assert found["provenance"]["command"].startswith("acceptlab series bench --tree ")
    text = (tmp_path / "bench" / "bench.txt").read_text()
    assert "fair pair" not in text and "3 kernel: Fork three t.. changes nothing" in text


def test_a_profile_adds_a_block_that_says_modelled(
    acceptlab: Command, three: Path, tmp_path: Path
) -> None:
    words = ("series", "bench", str(three), *QUICK, "--profile", "tdx-shutemov-2024")
    _, out, err = acceptlab(*words, "--out", str(tmp_path / "bench"))
    assert "modelled before userspace" in out, err
    assert "Modelled (tdx-shutemov-2024), not measured" in out


def test_what_a_series_compares_with_comes_last_and_only_when_asked_for(
    acceptlab: Command, three: Path, spec: Path, tmp_path: Path
) -> None:
    spec.write_text(spec.read_text().replace("kernels = []", f'kernels = ["{tmp_path}/stock"]'))
    toy_kernel(tmp_path / "stock")
    words = ("series", "bench", str(three), *QUICK, "--out", str(tmp_path / "b"), "--json")
    for option, names in (((), ["base", "3 kernel: Fork three t.."]), (("--compare",), ["stock"])):
        _, out, err = acceptlab(*words, *option)
        found = [build["name"] for build in json.loads(out)["builds"]]
        assert found[-len(names) :] == names, err
    assert "Whether stock has the configuration of" in (tmp_path / "b" / "bench.txt").read_text()


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
