# SPDX-License-Identifier: GPL-2.0-only
"""The command as a user calls it, without a process of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from acceptlab.toolkit.cli import app

Command = Callable[..., tuple[int, str, str]]
"""Takes the words behind `acceptlab`; returns exit code, standard output and standard error."""


def in_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return the command for one test."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["acceptlab", *words])
        with pytest.raises(SystemExit) as ended:
            app.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call
