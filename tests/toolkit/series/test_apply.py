# SPDX-License-Identifier: GPL-2.0-only
"""Applying a series: any source, all of it or nothing, and nothing of the user's tree touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.toolkit.series.conftest import Command, Tree


def subjects(answer: str) -> list[str]:
    return [one["subject"] for one in json.loads(answer)["patches"]]


SUBJECTS = ["init: Return two", "mm: Keep a spare", "kernel: Fork three times"]


def test_a_folder_of_ours(acceptlab: Command, three: Path, tmp_path: Path) -> None:
    code, out, err = acceptlab("series", "apply", str(three), "--out", str(tmp_path / "out"))
    assert (code, out.splitlines()[-1]) == (0, str(tmp_path / "out")), err
    assert "return 3;" in (tmp_path / "out" / "kernel" / "fork.c").read_text()


def test_the_same_patches_are_the_same_commits(
    acceptlab: Command, three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = acceptlab("series", "apply", str(three), "--json")[1]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    again = acceptlab("series", "apply", str(three), "--json")[1]
    assert json.loads(first)["patches"] == json.loads(again)["patches"]


def test_a_directory_of_patches_an_mbox_and_a_range_are_the_same_series(
    acceptlab: Command, three: Path, spec: Path, tree: Tree, tmp_path: Path
) -> None:
    first = acceptlab("series", "apply", str(three), "--json")[1]
    bare = tree.patches(tmp_path / "bare")
    box = tmp_path / "series.mbx"
    # as a list archive gives it: the cover letter first, the rest in any order, and a reply
    mails = sorted(tree.patches(tmp_path / "mails", "--cover-letter", "--numbered").iterdir())
    text = [path.read_text().replace("From ", "From mboxrd@z ", 1) for path in mails]
    reply = "From mboxrd@z Thu Jan  1 00:00:00 1970\nFrom: A <a@localhost>\nSubject: Re: [PATCH 2/3] mm: Keep a spare\n\nWhy?\n\n"
    box.write_text("\n".join([text[0], text[3], reply, text[1], text[2]]))
    sources = [
        [str(bare)], [str(box)], ["--tree", str(tree.path), "--range", "base..main"],
    ]  # fmt: skip
    for source in sources:
        code, out, err = acceptlab("series", "apply", *source, "--spec", str(spec), "--json")
        assert code == 0, err
        assert [one["tree"] for one in json.loads(out)["patches"]] == [
            one["tree"] for one in json.loads(first)["patches"]
        ]
        assert subjects(out) == SUBJECTS


def test_the_user_s_repository_is_left_alone(acceptlab: Command, spec: Path, tree: Tree) -> None:
    tree.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    (tree.path / "init" / "main.c").write_text("half an edit")
    before = state_of(tree.path)
    words = ["--tree", str(tree.path), "--range", "base..", "--spec", str(spec)]
    assert acceptlab("series", "apply", *words)[0] == 0
    code, _, err = acceptlab("series", "build", *words)
    assert code == 0, err
    assert state_of(tree.path) == before


def state_of(folder: Path) -> dict[str, tuple[int | bool, bytes]]:
    return {
        # git touches an object that it would have written, when a repository that borrows it does
        str(path.relative_to(folder)): (
            "objects" not in path.parts and path.stat().st_mtime_ns,
            path.read_bytes(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_conflict_names_patch_file_and_hunk_and_leaves_nothing(
    acceptlab: Command, three: Path, own_cache: Path
) -> None:
    second = three / "0002-mm-Keep-a-spare.patch"
    second.write_text(
        second.read_text().replace(" int free_pages(int order)\n", " int gone(int order)\n")
    )
    code, out, err = acceptlab("series", "apply", str(three))
    lines = [line for line in err.splitlines() if line.startswith("acceptlab: ")]
    assert (code, out, len(lines)) == (2, "", 1)
    for told in (
        "patch 2/3",
        "mm: Keep a spare",
        "mm/page_alloc.c",
        "hunk @@ -10,5 +10,7 @@",
        "nothing was applied",
    ):
        assert told in lines[0]
    (log,) = own_cache.rglob("apply-toy.log")
    assert str(log) in lines[0]
    assert "+\tint spare;" in log.read_text()
    (home,) = (own_cache / "acceptlab" / "trees").glob("git-*/")
    assert {path.name for path in home.iterdir()} == {"git", "git.lock", log.name}
    assert not list((home / "git").rglob("refs/*/*"))
    assert not list((home / "git").glob("worktrees/*"))


def test_a_file_that_is_not_there_is_told(acceptlab: Command, three: Path) -> None:
    second = three / "0002-mm-Keep-a-spare.patch"
    second.write_text(second.read_text().replace("page_alloc.c", "folio_alloc.c"))
    code, _, err = acceptlab("series", "apply", str(three))
    assert code == 2
    assert "patch 2/3" in err and "mm/folio_alloc.c" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no-such-series"], "no series 'no-such-series'"),
        (["/nowhere/at/all"], "no series /nowhere/at/all"),
        ([], "give one series"),
        (["--tree", "/"], "/ is not a git repository"),
        (["--tree", ".", "--range", "base"], "give two commits"),
        (["--tree", "/", "--range", "a..b", "--spec", "{spec}"], "not a git repository"),
        (["{three}", "--tree", ".", "--range", "a..b"], "give one series"),
        (["{three}", "--base-version", "1"], "is not a Debian package"),
        (["{three}", "--out", "{three}"], "is not empty"),
        (["{bare}"], "has no series.toml: give --spec FILE, or --tree DIR"),
        (["{spec}", "--spec", "/nowhere/s.toml"], "no file /nowhere/s.toml"),
    ],
)
def test_bad_input_is_one_line(
    acceptlab: Command,
    three: Path,
    spec: Path,
    tree: Tree,
    tmp_path: Path,
    words: list[str],
    says: str,
) -> None:
    places = {"three": three, "spec": spec, "bare": tmp_path / "bare"}
    tree.patches(tmp_path / "bare")
    code, out, err = acceptlab("series", "apply", *(word.format(**places) for word in words))
    assert (code, out) == (2, "")
    assert says in err
    assert len([line for line in err.splitlines() if line.startswith("acceptlab: ")]) == 1


def test_a_range_with_a_merge_is_refused(acceptlab: Command, tree: Tree, spec: Path) -> None:
    tree.git("checkout", "--quiet", "-b", "side")
    tree.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    tree.git("checkout", "--quiet", "main")
    tree.git("merge", "--quiet", "--no-ff", "--no-edit", "side")
    words = ["--tree", str(tree.path), "--range", "base..main", "--spec", str(spec)]
    code, _, err = acceptlab("series", "apply", *words)
    assert code == 2
    assert "contains a merge" in err


def test_a_worktree_of_ours_has_the_objects_of_its_base_and_the_user_s_branch(
    acceptlab: Command, three: Path, own_cache: Path, tmp_path: Path
) -> None:
    """What `series apply` checks out is built where its base is; a branch in it that is called like the series is its user's."""
    assert acceptlab("series", "apply", str(three), "--out", str(tmp_path / "out"))[0] == 0
    mine = Tree.of(tmp_path / "out")
    mine.git("checkout", "--quiet", "-b", "mine")
    made = mine.change("init/main.c", "return 2;", "return 4;", "init: Return four")
    code, _, err = acceptlab("series", "apply", "--tree", str(mine.path), "HEAD~1..HEAD")
    assert code == 0, err
    assert mine.git("rev-parse", "refs/heads/mine") == made
    assert len(list((own_cache / "acceptlab" / "trees").glob("*/git"))) == 1
