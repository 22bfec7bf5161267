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


def test_what_is_exported_is_the_series(
    acceptlab: Command, three: Path, tmp_path: Path, tree: Tree
) -> None:
    (three / "cover-letter.txt").write_text("Accept less\n\nIt was too much.\n\nMore words.\n")
    (tmp_path / "bench.txt").write_text(TABLE)
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
    assert body.startswith("It was too much.\n\nacceptlab (") or body.startswith(
        "It was too much.\n\nA (3):"
    )
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


def test_bad_input(acceptlab: Command, three: Path, tmp_path: Path) -> None:
    (tmp_path / "wide.txt").write_text("x" * 73 + "\n")
    out = ["--out", str(tmp_path / "out")]
    for words, says in (
        ([*out, "--bench", str(tmp_path / "wide.txt")], "wider than 72 columns"),
        ([*out, "--bench", "/nowhere"], "no table /nowhere"),
        ([*out, "--previous", "/nowhere"], "no series /nowhere"),
        (["--out", str(three)], "is not empty"),
    ):
        code, printed, err = acceptlab("series", "export", str(three), *words)
        assert (code, printed) == (2, "")
        assert says in err
        assert not (tmp_path / "out").exists()
