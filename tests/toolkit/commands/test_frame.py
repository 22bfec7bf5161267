# SPDX-License-Identifier: GPL-2.0-only
"""The command's frame: version, help, and errors that end in one line."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from toolkit import errors
from toolkit.commands import app as frame


def acceptlab(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolkit", *arguments], capture_output=True, text=True, timeout=60
    )


def test_version_is_printed() -> None:
    done = acceptlab("--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "acceptlab")


def test_unknown_command_is_wrong_usage() -> None:
    assert acceptlab("no-such-command").returncode == errors.EXIT_BAD_INPUT


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (errors.BadInputError("not\na kernel"), 2, "acceptlab: not a kernel\n"),
        (errors.MachineError("no ninja"), 3, "acceptlab: no ninja\n"),
        (OSError(errno.ENOSPC, "full", "/x"), 3, "acceptlab: the disk is full (/x)"),
    ],
)
def test_an_error_becomes_one_line_and_its_code(
    error: Exception,
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def raises() -> None:
        raise error

    monkeypatch.setattr(frame, "app", raises)
    with pytest.raises(SystemExit) as ended:
        frame.main()
    printed = capsys.readouterr().err
    assert ended.value.code == code
    assert printed.startswith(text)
    assert printed.count("\n") == 1
