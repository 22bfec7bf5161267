# SPDX-License-Identifier: GPL-2.0-only
"""Tests on a console, in KTAP as KUnit prints it and in TAP, among other lines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.run.ktap import FAILED, PASSED, SKIPPED, KtapReader, KtapResults
from acceptlab.toolkit.places import CHECKOUT

KUNIT = """\
[    0.400000] printk: other things
[    0.412345] KTAP version 1
[    0.412346] 1..2
[    0.412400]     KTAP version 1
[    0.412400]     # Subtest: held-pages
[    0.412400]     # module: held_pages_test
[    0.412400]     1..3
[    0.412401]     ok 1 first_fit
[    0.412402]     # second: EXPECTATION FAILED at mm/held_pages_test.c:21
[    0.412402]     not ok 2 second
[    0.412403]         KTAP version 1
[    0.412403]         # Subtest: by_size
[    0.412404] clocksource: tsc: mask: 0xffffffffffffffff
[    0.412404]         ok 1 4K
[    0.412405]         ok 2 2M # SKIP no huge pages
[    0.412406]     # by_size: pass:1 fail:0 skip:1 total:2
[    0.412407]     ok 3 by_size
[    0.412408] # held-pages: pass:2 fail:1 skip:0 total:3
[    0.412409] not ok 1 held-pages
[    0.412410]     KTAP version 1
[    0.412410]     # Subtest: policy
[    0.412410]     1..1
[    0.412411]     ok 1 parse
[    0.412412] ok 2 policy
"""


def read(text: str) -> KtapResults | None:
    reader = KtapReader()
    for line in text.splitlines(keepends=True):
        reader.read(line)
    return reader.tests


def outcomes(tests: KtapResults | None) -> list[tuple[str, str]]:
    assert tests is not None
    return [(one.name, one.outcome) for one in tests.results]


def test_results_of_kunit_have_the_names_of_suites_in_front() -> None:
    tests = read(KUNIT)
    assert outcomes(tests) == [
        ("held-pages.first_fit", PASSED),
        ("held-pages.second", FAILED),
        ("held-pages.by_size.4K", PASSED),
        ("held-pages.by_size.2M", SKIPPED),
        ("policy.parse", PASSED),
    ]
    assert tests is not None
    assert tests.missing == 0
    assert tests.sentence() == "3 passed, 1 failed, 1 skipped"
    assert [one.why for one in tests.results if one.outcome == SKIPPED] == ["no huge pages"]


def test_a_suite_that_fails_by_itself_is_a_failure() -> None:
    tests = read("KTAP version 1\n1..1\n    1..1\n    ok 1 a\nnot ok 1 suite\n")
    assert outcomes(tests) == [("suite.a", PASSED), ("suite", FAILED)]


@pytest.mark.parametrize(
    ("lines", "missing"),
    [(23, 0), (22, 1), (21, 2), (9, 3), (1, 0), (3, 2)],
)
def test_what_a_panic_cuts_off_is_missing(lines: int, missing: int) -> None:
    tests = read("".join(KUNIT.splitlines(keepends=True)[: lines + 1]))
    assert tests is not None
    assert tests.missing == missing


def test_tap_with_and_without_descriptions() -> None:
    tests = read(
        "\x1b[2J\x1b[01;01HTAP version 13\r\n1..3\r\nok 1 - 1.2.1 a b\r\nnot ok 2\r\nok 3 - c # SKIP why\r\n"
    )
    assert outcomes(tests) == [("1.2.1 a b", PASSED), ("test 2", FAILED), ("c", SKIPPED)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok 1 not a test\n",
        "1..2\n",
        "[    1.0] systemd[1]: KTAP version 1\n",
        "KTAP version 1 of\n",
    ],
)
def test_other_lines_are_no_tests(text: str) -> None:
    assert read(text) is None


def test_tests_that_begin_again_are_others() -> None:
    text = "KTAP version 1\n1..2\nok 1 a\nKTAP version 1\n1..1\nok 1 b\n"
    tests = read(text)
    assert outcomes(tests) == [("a", PASSED), ("b", PASSED)]
    assert tests is not None
    assert tests.missing == 1


@given(st.lists(st.sampled_from(KUNIT.splitlines(keepends=True))))
def test_any_order_of_lines_is_read(lines: list[str]) -> None:
    tests = read("".join(lines))
    assert tests is None or tests.missing >= 0


def judged(tmp_path: Path, console: str, parameter: str = "") -> dict[str, object]:
    run = tmp_path / "run"
    shutil.copytree(CHECKOUT / "traces" / "snp-lazy", run)
    with (run / "console.log").open("a") as file:
        file.write(console)
    info = json.loads((run / "run.json").read_text())
    info["command_line"] += parameter
    (run / "run.json").write_text(json.dumps(info))
    found = replay_run(run, write=False).to_json()
    assert isinstance(found, dict)
    return found


def test_a_failing_test_is_a_finding_of_the_verdict(tmp_path: Path) -> None:
    verdict = judged(tmp_path, KUNIT)
    assert verdict["verdict"] == "findings"
    tests = verdict["tests"]
    assert isinstance(tests, dict)
    assert {name: tests[name] for name in ("passed", "failed", "skipped", "missing")} == {
        "passed": 3, "failed": 1, "skipped": 1, "missing": 0,
    }  # fmt: skip
    assert tests["results"][1] == {"name": "held-pages.second", "outcome": "failed", "why": ""}


def test_tests_that_pass_leave_the_run_clean(tmp_path: Path) -> None:
    passing = KUNIT.replace("not ok", "ok")
    assert judged(tmp_path, passing)["verdict"] == "clean"


@pytest.mark.parametrize(
    ("console", "reason"),
    [
        ("", "No test of the kernel's ran"),
        ("KTAP version 1\n1..0\n", "No test of the kernel's ran"),
        ("KTAP version 1\n1..2\nok 1 a\n", "1 have no result"),
    ],
)
def test_tests_that_did_not_run_leave_it_undecided(
    tmp_path: Path, console: str, reason: str
) -> None:
    verdict = judged(tmp_path, console, " kunit.filter_glob=held*")
    assert verdict["verdict"] == "undecided"
    assert reason in str(verdict["reasons"])


def test_a_run_without_tests_has_none(tmp_path: Path) -> None:
    assert judged(tmp_path, "")["tests"] is None
