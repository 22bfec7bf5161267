# SPDX-License-Identifier: GPL-2.0-only
"""Historical bugs are found again: the kernel with the bug gives just its findings, the one without it none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.verdict import GUEST
from acceptlab.toolkit.series import base
from acceptlab.toolkit.series.apply import scratch_worktree
from acceptlab.toolkit.series.git import git
from acceptlab.toolkit.series.series_spec import DebianBase
from tests.docs.pages import DOCS
from tests.docs.test_commands import parse
from tests.gallery.__main__ import main
from tests.gallery.bugs import HERE, Bug, boot, bugs, build, find, found, missing, spec

RUNS = tuple(dict.fromkeys(one.run for one in bugs()))
_COMMIT = re.compile(r"[0-9a-f]{12}")
_CHANGED = 12
"""Lines that a patch may change; git and the fix's own commit have the rest."""


def _base() -> DebianBase:
    source = spec().base
    assert isinstance(source, DebianBase)
    return source


def ids(bug: Bug) -> str:
    """Name a test by its bug."""
    return bug.name


def test_every_patch_is_listed_once() -> None:
    names = [one.name for one in bugs()]
    assert names
    assert sorted(f"{name}.patch" for name in names) == sorted(p.name for p in HERE.glob("*.patch"))


@pytest.mark.parametrize("bug", bugs(), ids=ids)
def test_a_bug_is_whole(bug: Bug) -> None:
    assert _COMMIT.fullmatch(bug.fix)
    text = bug.file.read_text()
    assert f'Undoes commit {bug.fix} ("{bug.subject}")' in " ".join(text.split("---\n")[0].split())
    changed = [line for line in text.splitlines() if re.match(r"[+-](?![+-])", line)]
    assert 0 < len(changed) <= _CHANGED
    parse(["run", bug.kernel, *bug.run])
    documented = (DOCS / "invariants.md").read_text()
    for invariant, title in bug.findings:
        assert invariant == GUEST or f"| {title} |" in documented
    assert bug.findings and bug.says and bug.effect


def test_the_document_has_the_table_that_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--plan"]) == 0
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 2 + len(bugs())
    assert printed in (DOCS / "gallery.md").read_text()


@pytest.mark.skipif(
    base.at_hand(_base()) is None,
    reason="the base's source is not in the cache; the long tests fetch it",
)
def test_every_patch_applies_to_the_base() -> None:
    tree_of = base.at_hand(_base())
    assert tree_of is not None
    with scratch_worktree(tree_of, tree_of.commit) as tree:
        for bug in bugs():
            git(tree, "apply", "--check", "--cached", str(bug.file))


@pytest.mark.long
@pytest.mark.emulator
@pytest.mark.parametrize("bug", bugs(), ids=ids)
def test_the_bug_is_found_and_nothing_else(bug: Bug, tmp_path: Path) -> None:
    done = find(bug, tmp_path)
    assert done.exit_code == 1
    assert not missing(bug, done), done.output


@pytest.mark.long
@pytest.mark.emulator
@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_the_base_is_clean_in_the_same_run(words: tuple[str, ...], tmp_path: Path) -> None:
    done = boot(build(None), words, tmp_path / "run")
    assert (done.exit_code, found(done)) == (0, set()), done.output
