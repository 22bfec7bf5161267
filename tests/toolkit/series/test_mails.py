# SPDX-License-Identifier: GPL-2.0-only
"""Mails as people have them: each file is the series that `git am` makes of it, or one line that says why it is none."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.kernel_config import Configuration
from acceptlab.toolkit.series import base, mailbox
from acceptlab.toolkit.series.apply import Applied, apply
from acceptlab.toolkit.series.git import git
from acceptlab.toolkit.series.mailbox import read_patches
from acceptlab.toolkit.series.series_source import Series
from acceptlab.toolkit.series.series_spec import GitBase, Spec
from tests import peak_memory
from tests.toolkit.series.conftest import HERE, WHO, Command

MAILS = HERE / "mails"
COUNT, SAY, TWICE = (
    "mm: count units, not their numbers",
    "mm: say what accept_all() takes",
    "mm: größere Zähler – twice",
)
THREE = [COUNT, SAY, TWICE]
NUMBERED = ["mm: patch 1", "mm: patch 2", "mm: patch 3"]
COVER = "mm: three of them"
TAKEN: list[tuple[str, list[str], str, str]] = [
    # file, subjects in order, what is said, subject of the cover letter
    ("m00-plain.mbox", THREE, "", ""),
    ("m01-patch1-last.mbox", THREE, "", ""),
    ("m02-comma-version.mbox", NUMBERED, "", ""),
    ("m03-v1-and-v2.mbox", NUMBERED, r"contains v1 \(3 patches\) and v2 \(3 patches\): using v2; --use-version 1", ""),
    ("m04-v2-of-one-as-reply.mbox", THREE, r"ignoring a reply that contains v2 of patch 2/3 \(mm: say what it takes\)", ""),
    ("m05-quoted-printable.mbox", THREE, "", ""),
    ("m06a-base64.mbox", THREE, "", ""),
    ("m06b-base64-crlf-inside.mbox", THREE, r"git am --quoted-cr=strip", ""),
    ("m07-crlf-file.mbox", THREE, "", ""),
    ("m08a-attached-x-patch.mbox", THREE, "", ""),
    ("m09-in-body-from.mbox", THREE, "", ""),
    ("m13-quilt", ["zz-count.patch", "aa-say.patch", "mm-twice.patch"], r"3 of 3 patches are plain diffs without an author", ""),
    ("m13b-quilt-with-mails", THREE, "", ""),
    ("m14b-eml-by-number", [f"mm: line {n}" for n in range(1, 12)], "", ""),
    ("m15-single-eml-without-from-line.eml", [COUNT], r"contains only patch 1/3", ""),
    ("m18-cover-plain.mbox", NUMBERED, "", COVER),
    ("m18b-cover-interdiff.mbox", NUMBERED, "", COVER),
    ("m18c-cover-range-diff.mbox", NUMBERED, "", COVER),
    ("m20-mailman-footer.mbox", THREE, "", ""),
    ("m21-stable-branches.mbox", NUMBERED, "", ""),
    ("m21b-single-stable.mbox", ["mm: patch 1"], "", ""),
    ("m21d-number-outside-brackets.mbox", [f"mm: patch ({n}/3)" for n in (1, 2, 3)], "", ""),
    ("m21e-list-prefix.mbox", NUMBERED, "", ""),
    ("m21f-bug-prefix.mbox", NUMBERED, "", ""),
    ("m31-mbox.gz", THREE, "", ""),
    ("m33-translated-reply.mbox", THREE, "", ""),
    ("m33b-review-inline-diff.mbox", THREE, r"a reply that contains a change of patch 2/3", ""),
    ("m37-binary-rename-blank-mode.mbox", ["odd: binary, rename, blank, mode"], "", ""),
    ("m39-mboxrd.mbox", THREE, "", ""),
    ("m40-from-line-in-body.mbox", THREE, "", ""),
]  # fmt: skip
REFUSED = [
    ("m10-format-flowed.mbox", r"sent as format=flowed.*corrupt patch at line 18.*b4 am"),
    ("m10b-tabs-to-spaces.mbox", r"patch 1/3 .*mm/accept.c, hunk @@ -7.*tabs to spaces.*git am --ignore-whitespace"),
    ("m10c-line-wrapped.mbox", r"m10c-line-wrapped.mbox#2 .*broke or joined its lines: error: corrupt patch at line 15"),
    ("m12-p0.mbox", r"patch 1/3 .*lack the a/ and b/ prefixes.*git am -p0"),
    ("m12b-no-prefix.mbox", r"patch 1/3 .*lack the a/ and b/ prefixes.*git am -p0"),
    ("m34-git-diff.patch", r"is a plain diff without author and subject.*git format-patch"),
    ("m35-missing-2.mbox", r"lacks patch 2/3: `b4 am`"),
    ("m36-only-cover.mbox", r"contains the cover letter of a series of 3 patches, but no patch"),
    ("m37b-binary-without-data.mbox", r"no data for the binary file blob.bin.*git format-patch --binary"),
    ("m38-needs-3way.mbox", r"mm/accept.c, hunk @@ -8,7.*another version of a file \(blob d3b62dd"),
]  # fmt: skip


@pytest.fixture
def spec(tmp_path: Path, own_cache: Path) -> Spec:
    """A spec whose base is the mails' tree."""
    tree = tmp_path / "linux"
    shutil.copytree(MAILS / "base", tree)
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "The tree"]):
        subprocess.run(["git", *words], cwd=tree, env=os.environ | WHO, check=True)
    return Spec("mails", "Mails", GitBase(tree, "HEAD"), Configuration("tinyconfig", ()), ())


def applied(spec: Spec, path: Path, version: int | None = None) -> Applied:
    found = read_patches(path, version)
    return apply(Series(spec, tuple(found.patches), found.cover, "x"), base.ensure(spec.base))


def test_every_case_has_its_answer() -> None:
    names = [name for name, *_ in TAKEN] + [name for name, _ in REFUSED]
    assert sorted(names) == sorted(path.name for path in MAILS.glob("m*"))


@pytest.mark.processes
@pytest.mark.parametrize(("name", "subjects", "says", "cover"), TAKEN, ids=lambda one: str(one)[:4])
def test_mails_are_taken_as_git_am_takes_them(
    spec: Spec,
    name: str,
    subjects: list[str],
    says: str,
    cover: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = read_patches(MAILS / name)
    assert [one.subject for one in found.patches] == subjects
    assert (found.cover.subject if found.cover else "") == cover
    done = applied(spec, MAILS / name)
    assert [one.subject for one in done.commits[1:]] == subjects
    said = "\n".join(
        [
            *found.notes,
            *(line for line in capsys.readouterr().err.splitlines() if "applying" not in line),
        ]
    )
    assert bool(said) == bool(says), said
    assert re.search(says, said), said


@pytest.mark.parametrize(("name", "says"), REFUSED, ids=lambda one: one[:4])
def test_what_git_am_does_not_take_is_one_line(spec: Spec, name: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says) as raised:
        applied(spec, MAILS / name)
    assert (len(str(raised.value).splitlines()), raised.value.exit_code) == (1, 2)


@pytest.mark.processes
def test_all_forms_of_the_three_patches_give_one_tree(spec: Spec) -> None:
    plain = [name for name, subjects, *_ in TAKEN if len(subjects) == 3]
    assert len({applied(spec, MAILS / name).head.tree for name in plain}) == 1


def test_an_author_in_the_body_is_the_author(spec: Spec) -> None:
    done = applied(spec, MAILS / "m09-in-body-from.mbox")
    authors = git(done.base.repository, "log", "-3", "--format=%an <%ae>", done.head.sha)
    assert authors.splitlines() == ["Other Author <other@example.org>"] * 3


def test_the_version_that_is_asked_for(spec: Spec) -> None:
    found = read_patches(MAILS / "m03-v1-and-v2.mbox", 1)
    assert ([one.version for one in found.patches], found.notes) == ([1, 1, 1], [])
    assert len(applied(spec, MAILS / "m03-v1-and-v2.mbox", 1).commits) == 4
    with pytest.raises(BadInputError, match="does not contain v3: it has v1, v2"):
        read_patches(MAILS / "m03-v1-and-v2.mbox", 3)


def test_a_newer_version_of_one_patch_is_not_taken_for_the_series(tmp_path: Path) -> None:
    box = tmp_path / "box"
    second = (MAILS / "m03-v1-and-v2.mbox").read_bytes().split(b"From 9beebc8", 2)[2]
    one = b"From 9beebc8" + second.split(b"\nFrom 8756", 1)[0]
    box.write_bytes((MAILS / "m00-plain.mbox").read_bytes() + b"\n" + one)
    found = read_patches(box)
    assert [one.subject for one in found.patches] == THREE
    assert found.notes == [
        f"{box} contains v1 (3 patches) and v2 (only 2/3): using v1; --use-version 2 selects the other"
    ]
    with pytest.raises(BadInputError, match="lacks patch 1/3, 3/3"):
        read_patches(box, 2)


@pytest.mark.processes
def test_the_command_says_and_refuses(acceptlab: Command, spec: Spec, tmp_path: Path) -> None:
    told = tmp_path / "series.toml"
    assert isinstance(spec.base, GitBase)
    told.write_text(
        f'name = "mails"\ntitle = "x"\n[base]\ngit = "{spec.base.repository}"\ncommit = "HEAD"\n[config]\nfragments = []\n'
    )
    words = ["--spec", str(told)]
    code, out, err = acceptlab("series", "show", str(MAILS / "m03-v1-and-v2.mbox"), *words)
    assert (code, err.count("\n")) == (0, 1)
    assert "using v2" in err and out.splitlines()[-1].endswith("mm: patch 3")
    code, out, err = acceptlab("series", "apply", str(MAILS / "m31-mbox.gz"), *words)
    assert (code, "mm: größere Zähler – twice" in out) == (0, True), err
    code, _, err = acceptlab(
        "series", "apply", str(MAILS / "m03-v1-and-v2.mbox"), *words, "--use-version", "1"
    )
    assert (code, "using v2" in err) == (0, False)
    code, _, err = acceptlab("series", "build", str(MAILS / "m31-mbox.gz"), *words)
    assert (code, "is not a kernel tree" in err) == (2, True)
    for name, says in (REFUSED[0], REFUSED[3]):
        code, out, err = acceptlab("series", "apply", str(MAILS / name), *words)
        lines = [line for line in err.splitlines() if line.startswith("acceptlab: ")]
        assert (code, out, len(lines)) == (2, "", 1)
        assert re.search(says, lines[0])


def mail(subject: str, diff: bytes = b"") -> bytes:
    diff = (
        diff
        or b"diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+b\n"
    )
    return b"From: A <a@localhost>\nSubject: " + subject.encode() + b"\n\nBecause.\n---\n" + diff


@pytest.mark.processes
def test_what_a_terminal_obeys_is_shown_escaped(
    acceptlab: Command, spec: Spec, tmp_path: Path
) -> None:
    hostile = "=?utf-8?q?mm:_=1b]0;title=07_=1b[2J_=e2=80=ae_turned?="
    path = tmp_path / os.fsdecode(b"bad\xff\x1b[31m.eml")
    path.write_bytes(mail(f"[PATCH] {hostile}"))
    found = read_patches(path)
    assert found.patches[0].subject == r"mm: \x1b]0;title\x07 \x1b[2J \u202e turned"
    assert found.patches[0].file == r"bad\xff\x1b[31m.eml"
    assert isinstance(spec.base, GitBase)
    told = tmp_path / "series.toml"
    told.write_text(
        f'name = "mails"\ntitle = "x"\n[base]\ngit = "{spec.base.repository}"\ncommit = "HEAD"\n[config]\nfragments = []\n'
    )
    broken = tmp_path / os.fsdecode(b"broken\xff\x1b[31m.eml")
    broken.write_bytes(
        mail(
            f"[PATCH] {hostile}",
            b"diff --git a/\x1b[1m b/\x1b[1m\n--- a/\x1b[1m\n+++ b/\x1b[1m\n@@ -1 +1 @@\n-a\n+b\n",
        )
    )
    for verb in ("show", "apply"):
        for one in (path, broken, tmp_path / "absent\x1b[31m"):
            _, out, err = acceptlab("series", verb, str(one), "--spec", str(told))
            assert "\x1b" not in out + err and "\x07" not in out + err and "\u202e" not in out + err


@pytest.mark.parametrize("kind", ["fifo", "device", "socket", "entry", "quilt"])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "box.eml"
    if kind == "socket":
        import socket

        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(path))
    elif kind == "device":
        path = Path("/dev/zero")
    else:
        os.mkfifo(path)
    if kind == "quilt":
        path.rename(tmp_path / "series")
    with pytest.raises(BadInputError, match="is not a regular file"):
        read_patches(tmp_path if kind in ("entry", "quilt") else path)


@pytest.mark.parametrize(
    ("series", "says"),
    [
        ("../../etc/passwd\n", "outside the folder"),
        ("link.patch\n", "outside the folder"),
        ("gone.patch\n", "which does not exist"),
        ("good.patch -p0\n", "quilt refresh -p ab"),
        ("words.patch\n", "is not a patch"),
    ],
)
def test_quilt_s_series_is_not_trusted(tmp_path: Path, series: str, says: str) -> None:
    folder = tmp_path / "patches"
    folder.mkdir()
    (folder / "good.patch").write_bytes(mail("mm: x"))
    (folder / "words.patch").write_text("words\n")
    (folder / "link.patch").symlink_to("/etc/passwd")
    (folder / "series").write_text(f"# ours\n\ngood.patch -p1 # first\n{series}")
    with pytest.raises(BadInputError, match=says):
        read_patches(folder)


def test_a_body_that_looks_like_a_mailbox_is_one_mail(spec: Spec, tmp_path: Path) -> None:
    line = "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001"
    box = tmp_path / "box"
    box.write_bytes(
        f"From mboxrd@z Thu Jan  1 00:00:00 1970\nFrom: A <a@localhost>\nSubject: [PATCH] x\n\n>{line}\n".encode()
        + mail("", b"").split(b"\n\n", 1)[1]
    )
    done = applied(spec, box)
    assert line in git(done.base.repository, "log", "-1", "--format=%B", done.head.sha)


def test_what_gzip_packed_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = tmp_path / "box.gz"
    box.write_bytes(gzip.compress(mail("[PATCH] x") + b"y" * 9999))
    assert len(read_patches(box).patches) == 1
    monkeypatch.setattr(mailbox, "MOST_BYTES", 5000)
    with pytest.raises(BadInputError, match="is larger than"):
        read_patches(box)
    box.write_bytes(box.read_bytes()[:-20])
    monkeypatch.undo()
    with pytest.raises(BadInputError, match="is a broken gzip file"):
        read_patches(box)


_LARGE = """
import resource, sys
from pathlib import Path
from acceptlab.toolkit.series.message import files_of, hunks
from acceptlab.toolkit.series.mailbox import read_patches
from tests import peak_memory
(patch,) = read_patches(Path(sys.argv[1])).patches
print(len(files_of(patch.patch)), sum(len(one.text) < 1 << 20 for one in hunks(patch.patch)))
print(peak_memory.peak() >> 10, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.processes
def test_a_mail_of_200_mb_takes_less_than_a_gibibyte(tmp_path: Path) -> None:
    lines = 1_000_000
    box = tmp_path / "large.eml"
    with box.open("wb") as file:
        file.write(
            mail(
                "[PATCH] x",
                b"diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1,%d @@\n"
                % lines,
            )
        )
        line = "+\U0001f600".encode() + b"x" * 199 + b"\n"
        for _ in range(lines // 10_000):
            file.write(line * 10_000)
    assert box.stat().st_size > 200_000_000
    done = subprocess.run(
        [sys.executable, "-c", _LARGE, str(box)],
        env=peak_memory.child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts, sizes = (list(map(int, line.split())) for line in done.stdout.splitlines())
    assert counts == [1, 1]
    assert sum(sizes) < 1 << 20, sizes  # KiB; the peaks of both processes, ours and git's
