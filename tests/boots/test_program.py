# SPDX-License-Identifier: GPL-2.0-only
"""A program of the user's runs in the guest: its output, its arguments, and its exit code."""

from __future__ import annotations

from pathlib import Path

from tests.toolkit.command_line import invoke

HELLO = """\
#!/bin/sh
echo "hello $1"
exit $2
"""
WORDS = ["run", "debian:6.12", "--platform", "snp", "--memory", "1G", "--replay"]


def test_a_program_runs_and_its_exit_code_counts(tmp_path: Path) -> None:
    program = tmp_path / "hello"
    program.write_text(HELLO)
    program.chmod(0o755)
    for code, expected in ((0, 0), (3, 1)):
        out = tmp_path / str(code)
        done = invoke([*WORDS, "--out", str(out), "--", str(program), "world", str(code)])
        assert done.exit_code == expected, done.output
        assert "hello world" in done.output.splitlines()
        assert ("the program ended: exit 3" in done.output) is (code == 3)
