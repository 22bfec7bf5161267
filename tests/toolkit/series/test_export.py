# SPDX-License-Identifier: GPL-2.0-only
"""Export: mails that git am takes again, with cover letter, base, range-diff and table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.toolkit.series.conftest import Command, Tree

pytestmark = pytest.mark.processes

TABLE = (
    "kernel                         median\n"
    + "-" * 72
    + "\nbase                              512\n"
)


def a_bench(acceptlab: Command, series: Path, folder: Path, first: int = 0) -> None:
    """A bench of the series as it is: its base (patch ``first``) and its last patch."""
    applied = json.loads(acceptlab("series", "apply", str(series), "--json")[1])
    commits = [applied["base"]["commit"], *(one["commit"] for one in applied["patches"])]
    builds = [{"name": "base", "commit": commits[first]}, {"name": "last", "commit": commits[-1]}]
    (folder / "bench.json").write_text(json.dumps({"builds": builds}))
    (folder / "bench.txt").write_text(TABLE)


def test_what_is_exported_is_the_series(
    acceptlab: Command, three: Path, tmp_path: Path, tree: Tree
) -> None:
    (three / "cover-letter.txt").write_text("Accept less\n\nIt was too much.\n\nMore words.\n")
    a_bench(acceptlab, three, tmp_path)
    out = tmp_path / "v1"
    words = ["series", "export", str(three), "--out", str(out), "--bench", str(tmp_path)]
    code, printed, err = acceptlab(*words)
    assert code == 0, err
    names = [Path(line).name for line in printed.splitlines()]
    assert names == sorted(path.name for path in out.iterdir())
    assert len(names) == 4
    cover = (out / names[0]).read_text()
    assert "Subject: [PATCH 0/3] Accept less\n" in cover
    assert "\nIt was too much.\n\nMore words.\n\n" + TABLE in cover
    assert f"\nbase-commit: {tree.git('rev-parse', 'base')}\n" in cover
    assert "BLURB" not in cover
    first = json.loads(acceptlab("series", "apply", str(three), "--json")[1])["patches"]
    again = json.loads(acceptlab("series", "apply", str(out), "--spec", str(three), "--json")[1])[
        "patches"
    ]
    assert [one["tree"] for one in again] == [one["tree"] for one in first]


def test_a_later_version_has_a_range_diff_and_the_same_words(
    acceptlab: Command, three: Path, tmp_path: Path
) -> None:
    (three / "cover-letter.txt").write_text("Accept less\n\nIt was too much.\n")
    acceptlab("series", "export", str(three), "--out", str(tmp_path / "v1"))
    third = three / "0003-kernel-Fork-three-times.patch"
    third.write_text(third.read_text().replace("return 3;", "return 4;"))
    words = ["--version", "2", "--previous", str(tmp_path / "v1"), "--out", str(tmp_path / "v2")]
    code, printed, err = acceptlab("series", "export", str(three), *words)
    assert code == 0, err
    cover = Path(printed.splitlines()[0])
    assert cover.name == "v2-0000-cover-letter.patch"
    text = cover.read_text()
    assert "Range-diff against v1:" in text or "Range-diff:" in text
    assert "-+\treturn 3;" in text and "++\treturn 4;" in text
    # and an exported series keeps its words when it is exported again
    words = ["--spec", str(three), "--out", str(tmp_path / "v3")]
    again = acceptlab("series", "export", str(tmp_path / "v2"), *words)[1].splitlines()[0]
    body = Path(again).read_text().split("\n\n", 1)[1]
    assert body.startswith("It was too much.\n\nChanges since v1:\n- EDITME\n\nv1: EDITME\n\nA")
    assert body.count("base-commit: ") == 1


def test_the_cover_letter_is_from_its_user(
    acceptlab: Command, three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text("[user]\nname = Some One\nemail = one@localhost\n")
    out = acceptlab("series", "export", str(three), "--out", str(tmp_path / "v1"), "--json")[1]
    mails = json.loads(out)
    assert "From: Some One <one@localhost>\n" in Path(mails["cover"]).read_text()
    assert "From: A <a@localhost>\n" in Path(mails["patches"][0]).read_text()


def test_the_cover_letter_is_from_the_tree_s_user(
    acceptlab: Command,
    tree: Tree,
    spec: Path,
    three: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text("[user]\nname = At Home\nemail = home@localhost\n")
    tree.git("config", "user.name", "At Work")
    tree.git("config", "user.email", "work@localhost")
    out = acceptlab("series", "export", str(three), "--out", str(tmp_path / "v1"), "--json")[1]
    assert "From: At Work <work@localhost>\n" in Path(json.loads(out)["cover"]).read_text()


def test_without_a_cover_letter_there_are_places_to_fill_in_and_a_warning(
    acceptlab: Command, three: Path, tmp_path: Path
) -> None:
    code, out, err = acceptlab("series", "export", str(three), "--out", str(tmp_path / "v1"))
    cover = Path(out.splitlines()[0])
    assert code == 0 and f"warning: {cover} has places to fill in, marked EDITME" in err
    assert "\n\nEDITME: what the series does, and why.\n" in cover.read_text()
    assert "Subject: [PATCH 0/3] A series for tests\n" in cover.read_text()


def test_a_cover_letter_by_name_stands_for_the_series_own(
    acceptlab: Command, three: Path, tmp_path: Path
) -> None:
    (three / "cover-letter.txt").write_text("Old\n\nOld words.\n")
    (tmp_path / "new.txt").write_text("Accept less\n\nNew words.\n")
    (tmp_path / "new.eml").write_text(
        "From: A <a@b>\nSubject: [PATCH 0/3] Accept less\n\nNew words.\n"
    )
    for number, name in enumerate(("new.txt", "new.eml")):
        words = ("--cover", str(tmp_path / name), "--out", str(tmp_path / f"out{number}"))
        code, out, err = acceptlab("series", "export", str(three), *words)
        text = Path(out.splitlines()[0]).read_text()
        assert code == 0 and "EDITME" not in err, err
        assert "Subject: [PATCH 0/3] Accept less\n" in text
        assert "\nNew words.\n" in text and "Old" not in text


@pytest.mark.parametrize(
    ("id", "options", "link"),
    [
        ("<v1-cover@host>", (), "https://lore.kernel.org/r/v1-cover@host"),
        ("", (), "EDITME"),
        ("<v1-cover@host>", ("--link", "https://example.org/v1"), "https://example.org/v1"),
    ],
)
def test_a_later_version_says_what_changed_and_where_the_earlier_one_is(
    acceptlab: Command, three: Path, tmp_path: Path, id: str, options: tuple[str, ...], link: str
) -> None:
    (three / "cover-letter.txt").write_text("Accept less\n\nIt was too much.\n")
    acceptlab("series", "export", str(three), "--out", str(tmp_path / "v1"))
    first = tmp_path / "v1" / "0000-cover-letter.patch"
    if id:
        first.write_text(first.read_text().replace("Subject:", f"Message-ID: {id}\nSubject:", 1))
    words = (
        "--version",
        "2",
        "--previous",
        str(tmp_path / "v1"),
        "--out",
        str(tmp_path / "v2"),
        *options,
    )
    code, out, err = acceptlab("series", "export", str(three), *words)
    assert code == 0 and "marked EDITME" in err
    text = Path(out.splitlines()[0]).read_text()
    assert f"\nIt was too much.\n\nChanges since v1:\n- EDITME\n\nv1: {link}\n" in text
    assert "Range-diff" in text


def test_changes_that_the_cover_letter_has_are_not_asked_for_again(
    acceptlab: Command, three: Path, tmp_path: Path
) -> None:
    (three / "cover-letter.txt").write_text(
        "Accept less\n\nChanges in v2:\n- none\n\nChanges since v1:\n- all\n"
    )
    words = ("--version", "2", "--out", str(tmp_path / "v2"))
    code, out, err = acceptlab("series", "export", str(three), *words)
    assert code == 0 and "EDITME" not in Path(out.splitlines()[0]).read_text() + err


@pytest.mark.parametrize("lacking", ["the base", "the last patch"])
def test_a_bench_of_other_kernels_is_refused(
    acceptlab: Command, three: Path, tmp_path: Path, lacking: str
) -> None:
    a_bench(acceptlab, three, tmp_path, first=1 if lacking == "the base" else 0)
    if lacking == "the last patch":
        third = three / "0003-kernel-Fork-three-times.patch"
        third.write_text(third.read_text().replace("return 3;", "return 4;"))
    words = ("--bench", str(tmp_path), "--out", str(tmp_path / "out"))
    code, _, err = acceptlab("series", "export", str(three), *words)
    assert code == 2
    assert f"is a bench of other kernels (base, last): it lacks {lacking} of this series" in err
    assert not (tmp_path / "out").exists()


SCRIPT = """#!/usr/bin/perl
my ($mpath) = grep { -f } map { $ARGV[$_ + 1] } grep { $ARGV[$_] eq "--mpath" } 0 .. $#ARGV;
open(my $list, "<", $mpath); print <$list>;
print "linux-kernel\\@vger (open list)\n" if grep { /0002-.*patch$/ } @ARGV;
"""


def test_recipients_are_suggested_by_the_tree_s_own_script(
    acceptlab: Command, tree: Tree, spec: Path, tmp_path: Path
) -> None:
    (tree.path / "scripts").mkdir(exist_ok=True)
    (tree.path / "scripts" / "get_maintainer.pl").write_text(SCRIPT)
    (tree.path / "MAINTAINERS").write_text(
        "Some One <one@localhost> (maintainer:MEMORY MANAGEMENT)\nTwo <two@localhost> (reviewer:X (Y))\n"
    )
    tree.git("add", ".")
    tree.git("commit", "--quiet", "--message", "Maintainers")
    tree.git("tag", "--force", "base")
    tree.change("init/main.c", "return 0;", "return 2;", "init: Return two")
    tree.change("kernel/fork.c", "return 1;", "return 3;", "kernel: Fork three times")
    series = tree.patches(spec.parent)
    words = ("series", "export", str(series), "--out")
    told = json.loads(acceptlab(*words, str(tmp_path / "a"), "--json")[1])
    assert told["to"] == ["Some One <one@localhost>"]
    assert told["cc"] == ["Two <two@localhost>", "linux-kernel@vger"]
    _, out, err = acceptlab(*words, str(tmp_path / "b"))
    assert "suggested, not sent: git send-email '--to=Some One <one@localhost>'" in err
    assert "one@localhost" not in Path(out.splitlines()[0]).read_text()


def test_bad_input(acceptlab: Command, three: Path, tmp_path: Path) -> None:
    a_bench(acceptlab, three, tmp_path)
    (tmp_path / "wide.txt").write_text("x" * 73 + "\n")
    (tmp_path / "empty.txt").write_text("")
    out = ["--out", str(tmp_path / "out")]
    for words, says in (
        ([*out, "--bench", str(tmp_path / "wide.txt")], "wider than 72 columns"),
        ([*out, "--bench", "/nowhere"], "no table /nowhere"),
        ([*out, "--previous", "/nowhere"], "no series /nowhere"),
        ([*out, "--cover", "/nowhere"], "no cover letter /nowhere"),
        ([*out, "--cover", str(tmp_path / "empty.txt")], "is empty"),
        (["--out", str(three)], "is not empty"),
    ):
        code, printed, err = acceptlab("series", "export", str(three), *words)
        assert (code, printed) == (2, "")
        assert says in err
        assert not (tmp_path / "out").exists()
