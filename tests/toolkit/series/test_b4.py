# SPDX-License-Identifier: GPL-2.0-only
"""b4 itself: it runs our check command on a user's branch, and its mailboxes are series. All of it without a network."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.toolkit.series.conftest import WHO, Command, Tree

pytestmark = pytest.mark.processes

_ACCEPTLAB = """\
import sys
from pathlib import Path
sys.path[:0] = [{imports!r}, {checkout!r}]
from tests.toolkit import toy
from acceptlab.toolkit.cli import app
from acceptlab.toolkit.qemu import emulator_build
emulator = toy.make_emulator(Path({folder!r}), "userspace")
emulator_build.ensure = lambda: emulator
sys.executable = {python!r}
app.main()
"""
"""The command in a process of b4's own, with the toy emulator."""
_REVIEW = """\
import argparse, email, json, sys
import b4
from b4.review import checks
b4.setup_config(argparse.Namespace(config={}))
commands, _ = checks.load_check_cmds()
mails = [(path, email.message_from_bytes(open(path, "rb").read(), policy=b4.emlpolicy)) for path in sys.argv[1:]]
print(json.dumps(list(checks.run_perpatch_checks(mails, commands, ".").values())))
"""
"""What the screen of `b4 review` does when it is told to run the checks."""
REAL_PYTHON = sys.executable
B4 = str(Path(REAL_PYTHON).parent / "b4")


@pytest.fixture
def command(acceptlab: Command, tmp_path: Path, spec: Path, three: Path) -> str:
    """The check command of the series of three patches, as one would write it into git's configuration."""
    with spec.open("a") as file:
        file.write('[check]\ncheckpatch_ignore = ["MISSING_SIGN_OFF"]\n')
    script = tmp_path / "check_command.py"
    script.write_text(
        _ACCEPTLAB.format(
            imports=str(CHECKOUT / "setup" / "import"),
            checkout=str(CHECKOUT),
            folder=str(tmp_path),
            python=sys.executable,
        )
    )
    return shlex.join(
        [REAL_PYTHON, str(script), "series", "b4-check", str(three), "--platform", "snp"]
    )


def b4(tree: Tree, *words: str) -> subprocess.CompletedProcess[str]:
    """Run b4, or a Python script that uses it, in the user's tree, with nothing of our own configuration."""
    home = tree.path.parent / "home"
    home.mkdir(exist_ok=True)
    environment = os.environ | WHO | {"HOME": str(home), "XDG_DATA_HOME": str(home)}
    del environment["GIT_CONFIG_GLOBAL"]
    tree.git("config", "user.name", "A")
    tree.git("config", "user.email", "a@localhost")
    return subprocess.run(
        words, cwd=tree.path, env=environment, capture_output=True, text=True, check=False
    )


def test_b4_prep_tells_each_patch_its_problems(tree: Tree, command: str) -> None:
    tree.git("checkout", "--quiet", "-b", "work")
    enrolled = b4(tree, B4, "prep", "--enroll", "base")
    assert enrolled.returncode == 0, enrolled.stderr
    tree.git("config", "b4.prep-perpatch-check-cmd", f"{command} --format lines")
    said = b4(tree, B4, "prep", "--check")
    told = [line.strip() for line in said.stderr.splitlines()]
    spare = next(at for at, line in enumerate(told) if "mm: Keep a spare" in line)
    assert "WARNING: build:" in told[spare + 1]
    assert "unused variable" in told[spare + 1]
    assert told[-1] == "Success: 2, Warning: 1, Error: 0", said.stderr


def test_b4_review_reads_the_steps(tree: Tree, three: Path, command: str) -> None:
    tree.git("config", "b4.review-perpatch-check-cmd", command)
    patches = sorted(str(path) for path in three.glob("0*.patch"))
    done = b4(tree, REAL_PYTHON, "-c", _REVIEW, *patches)
    assert done.returncode == 0, done.stderr
    found = [{one["tool"]: one["status"] for one in each} for each in json.loads(done.stdout)]
    assert [each["acceptlab build"] for each in found] == ["pass", "warn", "pass"]
    assert [each["acceptlab snp"] for each in found] == ["pass", "pass", "pass"]


def test_a_mailbox_that_b4_wrote_is_a_series(
    acceptlab: Command, tree: Tree, spec: Path, three: Path, tmp_path: Path
) -> None:
    mails = tmp_path / "in.mbox"
    mails.write_text(tree.git("format-patch", "--stdout", "--thread=shallow", "base..HEAD") + "\n")
    head = mails.read_text().splitlines()
    first = next(line for line in head if line.lower().startswith("message-id: "))  # git's own case
    got = b4(
        tree,
        B4,
        "am",
        "-m",
        str(mails),
        "-o",
        str(tmp_path / "out"),
        first.split("<")[1].rstrip(">"),
    )
    (box,) = (tmp_path / "out").glob("*.mbx")
    assert got.returncode == 0, got.stderr
    code, out, err = acceptlab("series", "show", str(box), "--spec", str(spec))
    assert (code, err) == (0, "")
    assert [line.split(None, 1)[1] for line in out.splitlines()[-3:]] == [
        "init: Return two", "mm: Keep a spare", "kernel: Fork three times",
    ]  # fmt: skip
    assert acceptlab("series", "apply", str(box), "--spec", str(spec))[0] == 0
