# SPDX-License-Identifier: GPL-2.0-only
"""In a kernel tree, with nothing written by hand: base, configuration and name come from the tree, b4's cover letter too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.own_tree import GUEST_CONFIG, UNACCEPTED_CONFIG
from acceptlab.toolkit.series import apply as applying
from acceptlab.toolkit.series.own_commits import B4_MARK, is_range
from acceptlab.toolkit.series.series_source import read_range
from acceptlab.toolkit.series.series_spec import read_spec
from tests.toolkit.series.conftest import WHO, Command, Tree
from tests.toolkit.series.test_b4 import B4, b4

pytestmark = pytest.mark.processes

UPSTREAM = ("config", "branch.work.merge", "refs/heads/main")


@pytest.fixture
def work(tree: Tree, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A branch of two patches on top of its upstream branch, in the current folder."""
    tree.git("checkout", "--quiet", "-b", "work")
    tree.git("config", "branch.work.remote", ".")
    tree.git(*UPSTREAM)
    tree.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    tree.change("kernel/fork.c", "return 1;", "return 3;", "kernel: Fork three times")
    monkeypatch.chdir(tree.path / "mm")
    return tree


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stand in for the guests' fragments: the toy tree has none of their options."""
    fragment = tmp_path / "toy-guest.config"
    fragment.write_text("CONFIG_EFI=y\n")
    monkeypatch.setattr(applying, "fragments_by", lambda texts: (fragment,))
    return fragment


SUBJECTS = ["init: Return two", "kernel: Fork three times"]


@pytest.mark.parametrize(
    "words",
    [[], ["base..HEAD"], ["main.."], ["--range", "base..work"], ["--tree", "..", "base..work"]],
)
def test_a_series_is_what_the_tree_says(acceptlab: Command, work: Tree, words: list[str]) -> None:
    code, out, err = acceptlab("series", "show", *words, "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert [one["subject"] for one in shown["patches"]] == SUBJECTS
    assert shown["base"] == f"{work.path} {work.git('rev-parse', 'base')}"
    assert (shown["name"], shown["title"], shown["config"]) == ("work", SUBJECTS[-1], [])


def test_the_base_is_where_the_branch_left_the_other(acceptlab: Command, work: Tree) -> None:
    work.git("checkout", "--quiet", "main")
    work.change("mm/page_alloc.c", "return order;", "return 7;", "mm: Seven")
    work.git("checkout", "--quiet", "work")
    for words in ([], ["main..HEAD"]):
        _, out, err = acceptlab("series", "show", *words, "--json")
        assert json.loads(out)["base"].endswith(work.git("rev-parse", "base")), err


@pytest.mark.parametrize("has_it", [False, True])
def test_the_configuration_is_by_the_base(work: Tree, has_it: bool) -> None:
    work.git("checkout", "--quiet", "-b", "other", "base")
    if has_it:
        kconfig = work.path / "mm" / "Kconfig"
        kconfig.write_text(kconfig.read_text() + "\nconfig UNACCEPTED_MEMORY\n\tbool\n")
        work.git("commit", "--quiet", "--all", "--message", "Have it")
    work.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    series = read_range(work.path, "HEAD~1..", None)
    from acceptlab.toolkit.series import base

    config = applying.configured(series, base.ensure(series.spec.base)).spec.config
    assert config is not None
    assert config.fragments == (GUEST_CONFIG, *([UNACCEPTED_CONFIG] if has_it else []))


def test_check_bench_and_build_need_nothing(
    acceptlab: Command, work: Tree, small: Path, tmp_path: Path
) -> None:
    code, out, err = acceptlab("series", "build", "base..HEAD")
    assert (code, "work: 3 objects" in out) == (0, True), err
    code, out, err = acceptlab("series", "check", "--format", "json", "--patch", "last")
    assert code in (0, 1), err
    steps = {step["name"] for patch in json.loads(out)["patches"] for step in patch["steps"]}
    assert {"snp", "tdx"} <= steps
    words = ("--platform", "snp", "--seeds", "1", "--memory", "1G", "--out", str(tmp_path / "b"))
    code, out, err = acceptlab("series", "bench", *words, "--json")
    assert [row["kernel"] for row in json.loads(out)["blocks"][0]["rows"]] == [
        "base",
        "2 kernel: Fork three t..",
    ], err


def test_mails_are_based_on_the_commit_that_they_name(
    acceptlab: Command, work: Tree, tmp_path: Path
) -> None:
    box = tmp_path / "v1.mbox"
    box.write_text(work.git("format-patch", "--stdout", "--base=base", "base..HEAD") + "\n")
    code, out, err = acceptlab("series", "show", str(box), "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["base"] == f"{work.path} {work.git('rev-parse', 'base')}"
    assert json.loads(out)["name"] == "v1"
    text = box.read_text().replace(work.git("rev-parse", "base"), "1" * 40)
    box.write_text(text)
    assert acceptlab("series", "show", str(box))[0] == 0
    code, _, err = acceptlab("series", "apply", str(box))
    assert (code, "base-commit 111111111111 is not in" in err, "git fetch" in err) == (
        2,
        True,
        True,
    )
    box.write_text(text.replace("base-commit: ", "x: "))
    work.git("checkout", "--quiet", "base")
    code, out, err = acceptlab("series", "show", str(box), "--json")
    assert "no mail has a base-commit" in err
    assert json.loads(out)["base"].endswith(work.git("rev-parse", "base"))


def test_no_tree_and_no_upstream_are_one_line(
    acceptlab: Command, work: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.git("config", "--unset", "branch.work.merge")
    code, _, err = acceptlab("series", "show")
    assert (code, "the branch work has no upstream branch" in err) == (2, True)
    code, _, err = acceptlab("series", "show", "gone..HEAD")
    assert (code, "not a git repository with gone..HEAD" in err) == (2, True)
    monkeypatch.chdir(tmp_path)
    code, _, err = acceptlab("series", "check")
    assert (code, "or none in a kernel git tree" in err) == (2, True)
    code, _, err = acceptlab("series", "apply", str(work.patches(tmp_path / "bare")))
    assert (code, "give --spec FILE, or --tree DIR" in err) == (2, True)


def test_init_writes_what_stands_for_the_commits(
    acceptlab: Command, work: Tree, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(work.path)
    code, out, err = acceptlab("series", "init", "base..HEAD")
    assert (code, out) == (0, "series.toml\n"), err
    file = work.path / "series.toml"
    spec, plain = read_spec(file), read_range(work.path, "base..HEAD", file).spec
    assert (spec.name, spec.title, spec.config, spec.compare) == (plain.name, plain.title, None, ())
    assert spec.base == plain.base
    assert spec == read_range(work.path, "base..", None).spec
    fragment = next(line for line in file.read_text().splitlines() if "fragments" in line)
    assert str(small) in fragment
    file.write_text(file.read_text().replace('name = "work"', 'name = "mine"'))
    assert json.loads(acceptlab("series", "show", "--json")[1])["name"] == "mine"
    code, _, err = acceptlab("series", "init", "base..HEAD")
    assert (code, "exists: give --out another file" in err) == (2, True)


def test_b4_s_cover_commit_is_the_cover_letter(
    acceptlab: Command, tree: Tree, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = b4(tree, B4, "prep", "-n", "feature", "-f", "base")
    assert done.returncode == 0, done.stderr
    text = tree.git("log", "-1", "--format=%B")
    assert "EDITME: cover title for feature" in text and "--- b4-submit-tracking ---" in text
    tree.git(
        "commit",
        "--quiet",
        "--amend",
        "--allow-empty",
        "--message",
        text.replace(
            "EDITME: cover title for feature",
            "mm: Two of them\n\nThey belong together.\n\n# A comment.\n>#1 stays",
            1,
        ),
    )
    tree.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    tree.change("kernel/fork.c", "return 1;", "return 3;", "kernel: Fork three times")
    monkeypatch.chdir(tree.path)
    for words in ([], ["base..HEAD"]):
        code, out, err = acceptlab("series", "show", *words, "--json")
        shown = json.loads(out)
        assert (code, err) == (0, "")
        assert (shown["cover"], shown["title"], shown["name"]) == (
            "mm: Two of them",
            "mm: Two of them",
            "b4-feature",
        )
        assert [one["subject"] for one in shown["patches"]] == SUBJECTS
        assert shown["base"].endswith(tree.git("rev-parse", "base"))
    cover = read_range(tree.path, "", None).cover
    assert cover is not None
    assert cover.text.splitlines()[:3] == ["They belong together.", "", "#1 stays"]
    assert (
        "A comment" not in cover.text
        and "EDITME" not in cover.text
        and "change-id" not in cover.text
    )


@pytest.mark.skipif(os.getuid() != 0, reason="takes root to have a tree of another user")
def test_a_tree_of_another_user_is_read_and_runs_nothing(
    work: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "ran"
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {marker}\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "gpg.program", "core.sshCommand", "diff.external"):
        work.git("config", key, str(script))
    work.git("config", "log.showSignature", "true")
    signed = work.git("cat-file", "commit", "HEAD").replace(
        "\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n", 1
    )
    (tmp_path / "commit").write_text(f"{signed}\n\n{B4_MARK}\n")
    made = work.git("hash-object", "-t", "commit", "-w", str(tmp_path / "commit"))
    work.git("update-ref", "refs/heads/work", made)
    for path in [work.path, *work.path.rglob("*")]:
        os.chown(path, 12345, 12345)
    refused = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=work.path, env=os.environ | WHO | {"SUDO_UID": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "dubious ownership" in refused.stderr
    assert [one.subject for one in read_range(work.path, "base..work", None).patches] == SUBJECTS
    assert [one.subject for one in read_range(work.path, "", None).patches] == SUBJECTS[1:]
    assert not marker.exists()


def test_what_is_a_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a..b").mkdir()
    yes = ["v6.12..HEAD", "origin/master..", "HEAD~2..HEAD", "@{u}..HEAD"]
    no = [
        "a..b",
        "../linux",
        "linux/../x",
        "./a..b",
        "x=../y",
        "debian:6.12",
        "lazy-accept",
        "--x..y",
    ]
    assert [one for one in yes + no if is_range(one)] == yes


def test_a_range_of_three_dots_is_refused(work: Tree) -> None:
    with pytest.raises(BadInputError, match="give two commits"):
        read_range(work.path, "main...HEAD", None)


def test_names_are_looked_up_before_anything_is_built(
    acceptlab: Command, work: Tree, small: Path
) -> None:
    for words in (
        ("base..HEAD", "no-such-kernel"), ("base..HEAD", "--fact", "nonsense"), ("base..HEAD", "--memory", "7X"),
        ("base..HEAD", "--workload", "nonsense:1"),
    ):  # fmt: skip
        code, _, err = acceptlab("series", "bench", *words)
        assert (code, "building" in err) == (2, False), err
    code, _, err = acceptlab("series", "check", "--memory", "7X")
    assert (code, "applying" in err, "building" in err) == (2, False, False), err


def test_no_space_is_found_before_the_first_build(
    acceptlab: Command, work: Tree, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(
        len(path.read_bytes())
        for path in work.path.rglob("*")
        if path.is_file() and ".git" not in path.parts
    )
    for free, code in ((2 * size - 1, 3), (2 * size, 0)):
        room = shutil._ntuple_diskusage(10 * size, 0, free)  # type: ignore[attr-defined]
        monkeypatch.setattr(
            "acceptlab.toolkit.series.work_tree.shutil.disk_usage", lambda path, room=room: room
        )
        got, _, err = acceptlab("series", "build", "base..HEAD")
        assert (got, "GiB of free space" in err, "building" in err) == (
            code,
            code == 3,
            code == 0,
        ), err


def test_a_tree_whose_name_is_not_utf_8(acceptlab: Command, work: Tree, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"linux\xff\x1b[31m")
    work.path.rename(odd)
    code, out, err = acceptlab("series", "show", "--tree", str(odd), "base..work")
    assert (code, f"{tmp_path}/linux\\xff\\x1b[31m " in out) == (0, True), err
    code, out, err = acceptlab(
        "series", "apply", "--tree", str(odd), "base..work", "--out", str(odd) + "2"
    )
    assert code == 0, err
    code, _, err = acceptlab(
        "series", "init", "--tree", str(odd), "base..work", "--out", str(tmp_path / "s.toml")
    )
    assert (code, "is not UTF-8" in err, "\x1b" in err) == (2, True, False)
