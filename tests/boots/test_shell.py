# SPDX-License-Identifier: GPL-2.0-only
"""A shell in the guest, on a terminal and with commands from a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import CHECKOUT
from tests.toolkit.command_line import invoke

WORDS = ["run", "debian:6.12", "--platform", "snp", "--memory", "1G", "--shell"]
LONGEST = 200.0


def run_json(folder: Path) -> dict[str, object]:
    found = json.loads((folder / "run.json").read_text())
    assert isinstance(found, dict)
    return found


def test_commands_from_a_pipe(tmp_path: Path) -> None:
    """What they print is shown, the last one's failure is that of the run, and the run is judged as any other."""
    done = subprocess.run(
        [CHECKOUT / "acceptlab", *WORDS, "--replay", "--out", tmp_path / "run"],
        input="grep -c MemTotal /proc/meminfo\nread line; echo got:$line\nsh -c 'exit 7'\n",
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert {"1", "got:"} <= set(lines)
    assert "the program ended: exit 7" in done.stderr
    assert run_json(tmp_path / "run")["not_repeatable"] == "its commands came from standard input"
    assert (tmp_path / "run" / "verdict.json").is_file()
    refused = invoke(["debug", str(tmp_path / "run"), "--at", "accept_memory"])
    assert isinstance(refused.exception, BadInputError)
    assert "not repeatable, for its commands came from standard input" in str(refused.exception)


class Terminal:
    """A terminal with `acceptlab run --shell` on it."""

    def __init__(self, folder: Path) -> None:
        self.ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [CHECKOUT / "acceptlab", *WORDS, "--out", folder],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def wait_for(self, text: str) -> None:
        over = time.monotonic() + LONGEST
        while text not in self.seen:
            ready, _, _ = select.select([self.ours], [], [], over - time.monotonic())
            assert ready, f"no {text!r} in time: {self.seen}"
            try:
                self.seen += os.read(self.ours, 4096).decode(errors="replace")
            except OSError as error:  # Linux's end of a terminal that nobody has open any more
                raise AssertionError(f"ended without {text!r}: {self.seen}") from error

    def type(self, text: str) -> None:
        self.seen = ""
        os.write(self.ours, text.encode())

    def end(self) -> int:
        """Read until the terminal has no other side any more, and return the exit code."""
        with contextlib.suppress(OSError):
            while True:
                self.seen += os.read(self.ours, 4096).decode(errors="replace")
        os.close(self.ours)
        return self.process.wait(LONGEST)


@pytest.mark.parametrize("ending", ["exit", "ctrl-a x"])
def test_terminal(tmp_path: Path, ending: str) -> None:
    """Ctrl-C is the guest's; exit and Ctrl-A X end the run, which is recorded."""
    terminal = Terminal(tmp_path / "run")
    terminal.wait_for("guest # ")
    terminal.type("echo a$((40+2))b; sleep 1000\r")
    terminal.wait_for("a42b")
    terminal.type("\x03")
    terminal.wait_for("guest # ")
    if ending == "exit":
        terminal.type("false\r")
        terminal.wait_for("guest # ")
        terminal.type("exit\r")
    else:
        terminal.type("\x01x")
    code = terminal.end()
    assert code == 0, terminal.seen
    info = run_json(tmp_path / "run")
    assert info["outcome"] == "userspace"
    assert info["not_repeatable"] == "its commands came from a terminal"
    assert "a42b" in (tmp_path / "run" / "console.log").read_text()
