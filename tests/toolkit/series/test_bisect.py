# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab bisect` over commits of a toy tree: git chooses, kernels are built and run, what does not build is skipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acceptlab.toolkit.bisect import commits
from tests.toolkit.series.conftest import Command, Tree

pytestmark = pytest.mark.processes
PANIC = 'const char *says = "toy panics";\n\nint fork(void)\n{'
RUN = ("--run", "--platform snp --memory 1G --seed 7")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stand in for the guests' fragments: the toy tree has none of their options."""
    fragment = tmp_path / "toy-guest.config"
    fragment.write_text("CONFIG_EFI=y\n")
    monkeypatch.setattr(commits, "default_fragments", lambda tree: (fragment,))


def history(tree: Tree, *kinds: str) -> list[str]:
    """Commit changes on top of the base: `good`, `panics` (from there on), `broken` (this one does not build), `fixed`."""
    made = [tree.git("rev-parse", "base")]
    fork, main = "int fork(void)\n{", "return 0;"
    for number, kind in enumerate(kinds):
        if kind == "panics":
            made.append(tree.change("kernel/fork.c", fork, PANIC, "kernel: Panic"))
        elif kind == "fixed":
            made.append(tree.change("kernel/fork.c", PANIC, fork, "kernel: Do not panic"))
        elif kind == "broken":
            made.append(tree.change("init/main.c", main, "return zero;", "init: Break it"))
            main, kind = "return zero;", "fixed"
        else:
            made.append(
                tree.change("init/main.c", main, f"return {number} - {number};", f"init: {number}")
            )
            main = f"return {number} - {number};"
    return made


def test_the_first_bad_commit_is_found(acceptlab: Command, tree: Tree, tmp_path: Path) -> None:
    made = history(tree, "good", "good", "panics", "good", "good")
    code, out, err = acceptlab("bisect", "base", "HEAD", "--tree", str(tree.path), *RUN)
    assert code == 0, err
    assert f"{made[3]} is the first bad commit" in out
    assert "kernel: Panic" in out
    assert f"# good: [{made[0][:12]} The toy tree]" in out
    assert tree.git("status", "--porcelain") == "", "the user's tree is only read"
    assert tree.git("rev-parse", "--abbrev-ref", "HEAD") == "main"
    log = [line for line in out.splitlines() if line.startswith(("git bisect ", "# "))]
    assert f"git bisect start '--no-checkout' '{made[-1]}' '{made[0]}'" in log
    assert log[-1].startswith(f"# first bad commit: [{made[3]}] kernel: Panic")
    (tmp_path / "log").write_text("\n".join(log[:-1]) + "\n")
    tree.git("bisect", "replay", str(tmp_path / "log"))
    assert tree.git("rev-parse", "refs/bisect/bad") == made[3]


def test_a_fix_is_found_where_good_is_newer(acceptlab: Command, tree: Tree) -> None:
    made = history(tree, "panics", "good", "fixed", "good")
    code, out, err = acceptlab("bisect", "HEAD", made[1], "--tree", str(tree.path), *RUN)
    assert code == 0, err
    assert f"{made[3]} is the first fixed commit" in out


def test_what_does_not_build_is_skipped(acceptlab: Command, tree: Tree) -> None:
    made = history(tree, "good", "broken", "panics", "good")
    code, out, err = acceptlab("bisect", "base", "HEAD", "--tree", str(tree.path), *RUN, "--json")
    assert code == 4, err
    found = json.loads(out)
    skipped = [one["kernel"][:12] for one in found["tried"] if one["word"] == "skip"]
    assert sorted(skipped) == sorted(one[:12] for one in made[2:4])
    assert all("does not build" in one["line"] for one in found["tried"] if one["word"] == "skip")
    assert all(one in found["said"] for one in made[2:])


def test_ends_that_do_not_differ_are_refused(acceptlab: Command, tree: Tree) -> None:
    history(tree, "good")
    code, _, err = acceptlab("bisect", "base", "HEAD", "--tree", str(tree.path), *RUN)
    assert code == 2
    assert "nothing to bisect: BAD" in err.splitlines()[-1]
    code, _, err = acceptlab("bisect", "base", "nope", "--tree", str(tree.path), *RUN)
    assert (code, "has no commit 'nope'" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["base"], "give two commits"),
        (["--packages", "7.3"], "write GOOD..BAD"),
        (["a", "b", "--packages", "6.12..7.3"], "give GOOD and BAD, or --packages"),
        (["a", "b", "--run", "--memory"], "--run: "),
        (["a", "b", "--run", "--cpus many"], "--run: "),
        (["a", "b", "--run", "'"], "--run: No closing quotation"),
        (["a", "b", "--tree", "/"], "is not a git repository"),
    ],
)
def test_wrong_usage_is_one_line(acceptlab: Command, words: list[str], says: str) -> None:
    code, out, err = acceptlab("bisect", *words)
    assert (code, out) == (2, "")
    assert says in err.splitlines()[-1]
