# SPDX-License-Identifier: GPL-2.0-only
"""A program of the user's runs in the guest: its output, its arguments, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
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


KTAP = """\
#!/bin/sh
echo KTAP version 1
echo 1..1
echo '    KTAP version 1'
echo '    1..2'
echo '    ok 1 accepts'
echo '    not ok 2 releases'
echo 'not ok 1 pages'
"""


def test_tests_that_a_program_reports_are_in_the_verdict(tmp_path: Path) -> None:
    program = tmp_path / "tests"
    program.write_text(KTAP)
    program.chmod(0o755)
    done = invoke([*WORDS, "--out", str(tmp_path / "run"), "--", str(program)])
    assert done.exit_code == 1, done.output
    assert "tests: 1 passed, 1 failed, 0 skipped" in done.output
    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())
    assert [one["name"] for one in verdict["tests"]["results"]] == [
        "pages.accepts",
        "pages.releases",
    ]


def test_a_kernel_without_kunit_is_refused() -> None:
    refused = invoke(["run", "debian:6.12", "--kunit", "list*"])
    assert isinstance(refused.exception, BadInputError)
    assert "has no KUnit built in" in str(refused.exception)
