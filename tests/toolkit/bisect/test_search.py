# SPDX-License-Identifier: GPL-2.0-only
"""The search over a row of kernels: finds the border wherever it lies, around those that say nothing, in few trials."""

from __future__ import annotations

import itertools

import pytest

from acceptlab.toolkit.bisect.packages import Tried, bisect_row, row
from acceptlab.toolkit.bisect.search import Border, border, most_trials, next_place
from acceptlab.toolkit.bisect.trial import Trial, Word, sought, trial_of
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.checks.problems import FAIL, WARN, Problem, Step

AVAILABLE = [
    f"debian:{version}"
    for version in (
        "7.4-rc2",
        "7.3.4",
        "7.3-rc7",
        "7.2.13",
        "7.2.12",
        "7.0.13",
        "6.12.117",
        "6.12.107",
        "6.1.9",
    )
]


def trial(name: str, *problems: str, doubts: tuple[str, ...] = (), failed: bool = False) -> Trial:
    return Trial(name, frozenset(problems), frozenset(doubts), ", ".join(problems), failed)


def search(truth: str) -> tuple[str, list[str]]:
    """Bisect a row of kernels: g is good, b has the problem, x has another one, f does not run. Return the answer, and what was tried."""
    names = [f"k{place}" for place in range(len(truth))]
    of = {
        "g": trial("", "old"),
        "b": trial("", "old", "it"),
        "x": trial("", "outcome else"),
        "f": trial("", failed=True),
    }
    tried: list[str] = []

    def try_out(name: str) -> Trial:
        tried.append(name)
        found = of[truth[int(name[1:])]]
        return Trial(name, found.problems, found.doubts, found.line, found.failed)

    found = bisect_row(names, try_out, lambda one: None)
    return f"{found.good} {found.bad} {' '.join(found.open)}".strip(), tried


@pytest.mark.parametrize("count", [2, 3, 4, 7, 16, 31])
def test_the_border_is_found_wherever_it_is(count: int) -> None:
    for bad in range(1, count):
        answer, tried = search("g" * bad + "b" * (count - bad))
        assert answer == f"k{bad - 1} k{bad}"
        assert len(set(tried)) == len(tried) <= most_trials(range(count))


def test_what_says_nothing_is_gone_around() -> None:
    for middle in itertools.product("gbxf", repeat=4):
        truth = "g" + "".join(middle) + "b"
        if "bg" in truth.replace("x", "").replace("f", ""):
            continue  # good again behind bad: no border
        answer, tried = search(truth)
        good = max(place for place, one in enumerate(truth) if one == "g")
        bad = truth.index("b")
        between = " ".join(f"k{place}" for place in range(good + 1, bad))
        assert answer == f"k{good} k{bad} {between}".strip(), truth
        assert len(set(tried)) == len(tried)


def test_neighbours_of_a_skipped_one_are_tried_last() -> None:
    _, tried = search("g" * 5 + "x" * 10 + "b" * 10)
    assert tried[:5] == ["k0", "k24", "k12", "k6", "k18"]


def test_a_row_goes_from_good_to_bad_whichever_is_older() -> None:
    assert row("6.12", "7.2", AVAILABLE) == [
        "debian:6.12.117", "debian:7.0.13", "debian:7.2.12", "debian:7.2.13",
    ]  # fmt: skip
    assert row("debian:7.3", "7.2.12", AVAILABLE) == [
        "debian:7.3.4",
        "debian:7.2.13",
        "debian:7.2.12",
    ]


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [("6.12", "6.12.117", "same kernel"), ("6.13", "7.3", "does not have the kernel 6.13; it has debian:6.1.9"),
     ("6.1", "7.4", "does not have the kernel 7.4")],
)  # fmt: skip
def test_a_row_without_ends_is_refused(good: str, bad: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        row(good, bad, AVAILABLE)


def test_bad_is_what_bad_has_and_good_has_not() -> None:
    problem = sought(
        trial("a", "outcome stopped"), trial("b", "outcome panic", "console BUG: x at N")
    )
    assert problem.word(trial("c", "outcome panic")) is Word.BAD, "consoles differ between versions"
    assert problem.word(trial("c", "outcome stopped")) is Word.GOOD
    assert problem.word(trial("c")) is Word.GOOD
    assert problem.word(trial("c", "outcome killed")) is Word.SKIP
    assert problem.word(trial("c", doubts=("undecided",))) is Word.SKIP
    assert problem.word(trial("c", "outcome panic", failed=True)) is Word.SKIP


def test_a_problem_of_another_kind_hides_nothing_in_a_run_that_ended_well() -> None:
    """6.16.3 counts its unaccepted memory wrongly; it has no problem with kexec, which the run came to the end of."""
    problem = sought(trial("a"), trial("b", "outcome stopped", "finding I1 x"))
    assert problem.word(trial("c", "finding I10 y")) is Word.GOOD
    assert problem.word(trial("c", "console WARNING: z")) is Word.GOOD
    assert problem.word(trial("c", "outcome panic", "finding I10 y")) is Word.SKIP
    assert problem.word(trial("c", "finding I1 y")) is Word.SKIP, "it may be the same"
    assert problem.word(trial("c", "finding I10 y", doubts=("d",))) is Word.SKIP


def test_half_of_the_problem_is_another_problem() -> None:
    problem = sought(trial("a"), trial("b", "outcome stopped", "finding I1 x"))
    assert problem.word(trial("c", "outcome stopped", "finding I3 y")) is Word.SKIP
    assert problem.word(trial("c", "outcome stopped", "finding I1 x", "more")) is Word.BAD


def test_what_is_good_again_behind_bad_does_not_count() -> None:
    words = {0: Word.GOOD, 2: Word.SKIP, 3: Word.BAD, 5: Word.GOOD, 6: Word.BAD}
    assert border(words) == Border(0, 3, (1, 2))
    assert next_place(words) == 1


def test_a_line_of_the_console_is_sought_where_there_is_nothing_else() -> None:
    problem = sought(trial("a"), trial("b", "console WARNING: x"))
    assert problem.word(trial("c", "console WARNING: x")) is Word.BAD
    assert problem.word(trial("c", "console WARNING: y")) is Word.SKIP


def test_a_doubt_of_both_ends_is_no_doubt() -> None:
    problem = sought(trial("a", doubts=("d",)), trial("b", "it"))
    assert problem.word(trial("c", doubts=("d",))) is Word.GOOD
    assert problem.word(trial("c", doubts=("d", "e"))) is Word.SKIP


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        (trial("a"), trial("b"), "BAD, b, has no problem"),
        (trial("a", "it", "more"), trial("b", "it"), "GOOD, a, has the problem of BAD, b, too"),
        (trial("a", failed=True), trial("b", "it"), "GOOD, a, cannot be tried"),
        (trial("a"), trial("b", failed=True), "BAD, b, cannot be tried"),
    ],
)
def test_ends_that_do_not_differ_are_refused(good: Trial, bad: Trial, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        sought(good, bad)


def test_a_trial_is_what_a_boot_shows() -> None:
    problems = (
        Problem(FAIL, "I1 used a page (2 times)", "finding I1 used a page"),
        Problem(WARN, "undecided: 3 events", "undecided N events", undecided=True),
    )
    found = trial_of("k", Step("snp", problems))
    assert found.problems == {"finding I1 used a page"}
    assert found.doubts == {"undecided N events"}
    assert found.line == "I1 used a page (2 times); undecided: 3 events"
    assert not found.failed
    assert trial_of("k", Step("snp", (Problem(FAIL, "did not run: x", "not run"),))).failed
    assert trial_of("k", Step("snp", (), "userspace, clean")).line == "userspace, clean"


def test_all_that_is_tried_is_told() -> None:
    told: list[Tried] = []
    bisect_row(
        ["a", "b", "c"], lambda name: trial(name, *(["it"] if name == "c" else [])), told.append
    )
    assert [(one.trial.name, one.word) for one in told] == [
        ("a", Word.GOOD), ("c", Word.BAD), ("b", Word.GOOD),
    ]  # fmt: skip
