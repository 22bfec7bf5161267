# SPDX-License-Identifier: GPL-2.0-only
"""A check of a series on the toy tree: each problem is its patch's, and only what changed is done again."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.toolkit import toy
from tests.toolkit.conftest import cache_in
from tests.toolkit.series.conftest import Command, Tree, toy_command, write_spec

pytestmark = pytest.mark.processes

BOTH = ("snp", "tdx")


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory, built_initramfs: Path) -> Path:
    """A folder with the series `bad` and a cache, in which one test finds what another test has checked."""
    folder = tmp_path_factory.mktemp("checked")
    cache_in(folder / "cache", built_initramfs)
    tree = Tree(folder / "linux")
    five_patches(tree, write_spec(folder, tree))
    return folder


@pytest.fixture
def bad(checked: Path) -> Path:
    """The series of five patches."""
    return checked / "series"


@pytest.fixture
def check(
    checked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """The command, with the cache of `checked`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(checked / "cache"))
    return toy_command(tmp_path, monkeypatch, capsys)


def five_patches(tree: Tree, spec: Path) -> None:
    """Each has one thing wrong but the last: gcc warns, sparse warns, checkpatch warns, the guest panics."""
    with spec.open("a") as file:
        file.write('[check]\ncheckpatch_ignore = ["MISSING_SIGN_OFF"]\n')
    tree.change(
        "mm/page_alloc.c", "return order;", "int spare;\n\n\treturn order;", "mm: Keep a spare"
    )
    tree.change(
        "init/main.c",
        "int start_kernel(void);\n",
        "int start_kernel(void);\nint shared;\n",
        "init: Share",
    )
    tree.change(
        "kernel/fork.c", "return 1;", "return 1;\t/* " + "long " * 25 + "*/", "kernel: Talk"
    )
    tree.change(
        "kernel/fork.c",
        "int fork(void)\n{",
        'const char *fork_says = "toy panics";\nint fork(void)\n{',
        "kernel: Panic",
    )
    tree.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    tree.patches(spec.parent)


def steps(out: str) -> dict[int, dict[str, dict[str, Any]]]:
    patches = json.loads(out)["patches"]
    return {one["number"]: {step["name"]: step for step in one["steps"]} for one in patches}


def states(out: str) -> dict[int, dict[str, str]]:
    return {n: {name: one["state"] for name, one in by.items()} for n, by in steps(out).items()}


def test_each_problem_is_the_patch_s_that_brought_it(check: Command, bad: Path) -> None:
    code, out, err = check("series", "check", str(bad), "--json")
    assert code == 1, err
    fine = dict.fromkeys(("build", "checkpatch", "sparse", *BOTH), "pass") | {"executed": "skipped"}
    assert states(out) == {
        1: fine | {"build": "warn"},
        2: fine | {"sparse": "warn"},
        3: fine | {"checkpatch": "warn"},
        4: fine | {"sparse": "warn", "snp": "fail", "tdx": "fail"},
        5: fine,
    }
    found = steps(out)
    assert "unused variable" in found[1]["build"]["new"][0]["text"]
    assert "symbol 'shared' was not declared" in found[2]["sparse"]["new"][0]["text"]
    assert "LONG_LINE" in found[3]["checkpatch"]["new"][0]["text"]
    assert found[4]["snp"]["new"][0]["text"].startswith("panic: ")
    assert any(one["text"].startswith("console: Kernel panic") for one in found[4]["snp"]["new"])
    assert any(one["text"].startswith("panic") for one in found[5]["snp"]["old"])


def test_only_what_changed_is_checked_again(
    check: Command, bad: Path, checked: Path, tmp_path: Path
) -> None:
    own_cache = checked / "cache"
    bad = shutil.copytree(bad, tmp_path / "series")
    check("series", "check", str(bad))
    first = made_at(own_cache)
    code, _, err = check("series", "check", str(bad))
    assert (code, made_at(own_cache)) == (1, first)
    assert "building" not in err
    last = bad / "0005-init-Return-two.patch"
    last.write_text(last.read_text().replace("return 2;", "return 4;"))
    _, _, err = check("series", "check", str(bad))
    second = made_at(own_cache)
    assert len(set(second) - set(first)) == 2  # one kernel on two platforms
    assert all(second[name] == first[name] for name in first)
    assert err.count("building toy ...") == 1
    assert "building toy@" not in err


def made_at(own_cache: Path) -> dict[str, int]:
    runs = own_cache.glob("acceptlab/checks/toy/cells/*/run.json")
    return {run.parent.name: run.stat().st_mtime_ns for run in runs}


def test_a_patch_that_does_not_build_is_told_and_the_others_are_checked(
    acceptlab: Command, tree: Tree, spec: Path
) -> None:
    tree.change("kernel/fork.c", "return 1;", "return nonsense;", "kernel: Break it")
    tree.change("kernel/fork.c", "return nonsense;", "return 2;", "kernel: Mend it")
    tree.patches(spec.parent)
    code, out, err = acceptlab("series", "check", str(spec.parent), "--json", "--platform", "snp")
    assert code == 1, err
    found = steps(out)
    assert found[1]["build"]["state"] == "fail"
    assert "nonsense" in found[1]["build"]["new"][0]["text"]
    assert "snp" not in found[1]
    assert found[2]["build"]["state"] == "pass"


def test_one_patch_alone_is_held_against_the_one_before(check: Command, bad: Path) -> None:
    code, out, err = check("series", "check", str(bad), "--patch", "last", "--platform", "snp")
    assert code == 0, err
    assert out.startswith("toy: A series for tests (5 patches on ")
    assert "5/5 init: Return two" in out
    assert out.splitlines()[-1] == "pass: 1 patch checked, no new problem"


def test_junit_and_ktap_say_the_same(check: Command, bad: Path, tmp_path: Path) -> None:
    words = ["series", "check", str(bad), "--patch", "1", "--patch", "4", "--platform", "tdx"]
    _, out, _ = check(*words, "--format", "junit", "--out", str(tmp_path / "junit.xml"))
    assert out.strip() == str(tmp_path / "junit.xml")
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    failures = [
        (suite.get("name"), case.get("name"))
        for suite in root
        for case in suite
        if case.find("failure") is not None
    ]
    assert failures == [
        ("0001 mm: Keep a spare", "build"), ("0004 kernel: Panic", "sparse"), ("0004 kernel: Panic", "tdx"),
    ]  # fmt: skip
    ktap = check(*words, "--format", "ktap")[1].splitlines()
    assert ktap[:2] == ["KTAP version 1", "1..2"]
    assert [line for line in ktap if line.startswith("  not ok")] == [
        "  not ok 1 build", "  not ok 3 sparse", "  not ok 4 tdx",
    ]  # fmt: skip
    assert ktap[-1] == "not ok 2 kernel: Panic"


def stdin(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


def test_as_a_check_command_of_b4(
    check: Command, bad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin(monkeypatch, (bad / "0001-mm-Keep-a-spare.patch").read_bytes())
    code, out, err = check("series", "b4-check", str(bad), "--platform", "snp")
    assert code == 0, err
    answer = json.loads(out)
    assert {one["tool"]: one["status"] for one in answer} == {
        "acceptlab build": "warn", "acceptlab checkpatch": "pass", "acceptlab sparse": "pass", "acceptlab snp": "pass",
        "acceptlab executed": "pass",
    }  # fmt: skip
    assert all(set(one) <= {"tool", "status", "summary", "details", "url"} for one in answer)
    assert "unused variable" in answer[0]["details"]


def test_a_cover_letter_stands_for_all_patches(
    check: Command, bad: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin(monkeypatch, b"From: A <a@localhost>\nSubject: [PATCH 0/5] All\n\nWords.\n")
    answer = json.loads(check("series", "b4-check", str(bad), "--platform", "snp")[1])
    by_tool = {one["tool"]: one for one in answer}
    assert by_tool["acceptlab snp"]["status"] == "fail"
    assert by_tool["acceptlab snp"]["summary"] == "5 patches, problems with 4"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ((b"int spare;", b"int other;"), "version of 'mm: Keep a spare' differs from the mail"),
        ((b"Keep a spare", b"Keep none"), ""),
    ],
)
def test_a_mail_of_another_version(
    check: Command,
    bad: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[bytes, bytes],
    says: str,
) -> None:
    stdin(monkeypatch, (bad / "0001-mm-Keep-a-spare.patch").read_bytes().replace(*change))
    code, out, err = check("series", "b4-check", str(bad), "--platform", "snp")
    assert (code, says in err) == (2 if says else 0, True)
    assert (out == "") == bool(says)


def test_a_boot_of_the_specs_own_is_a_step(check: Command, bad: Path, tmp_path: Path) -> None:
    own = shutil.copytree(bad, tmp_path / "series")
    with (own / "series.toml").open("a") as file:
        file.write('[[check.boots]]\nname = "four"\nplatform = "tdx"\ncpus = 4\n')
    code, out, err = check("series", "check", str(own), "--patch", "5", "--patch", "4", "--json")
    assert code == 1, err
    found = states(out)
    assert "snp four" not in found[4]
    assert (found[4]["tdx four"], found[5]["tdx four"]) == ("fail", "pass")
    names = list(found[4])
    assert names.index("tdx") < names.index("tdx four") < names.index("executed")


def test_nothing_to_check_is_wrong_usage(check: Command, bad: Path) -> None:
    code, _, err = check("series", "check", str(bad), "--patch", "9")
    assert code == 2
    assert "--patch 9: must be base, or 1 to 5" in err


def test_a_kernel_that_knows_nothing_of_unaccepted_memory_is_given_all_of_it(
    acceptlab: Command, tree: Tree, spec: Path, own_cache: Path
) -> None:
    (tree.path / "bzImage.toy").write_bytes(toy.make_bzimage(knows_unaccepted=False))
    tree.git("commit", "--quiet", "--all", "--message", "Forget about it\n\nSo it is.")
    tree.patches(spec.parent)
    acceptlab("series", "check", str(spec.parent), "--platform", "tdx")
    runs = own_cache.glob("acceptlab/checks/toy/cells/*/run.json")
    lines = [json.loads(run.read_text())["reproduce"] for run in runs]
    given = {line.split()[2]: line.partition("--firmware-accepts ")[2].split()[0] for line in lines}
    assert given == {"toy@base": "minimal", "toy": "all"}
