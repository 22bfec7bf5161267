# SPDX-License-Identifier: GPL-2.0-only
"""Calls of probed functions: what each event says, and which return belongs to which call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.bare_run import BareRun, Event, Setup
from tests.emulator.conftest import Boot
from tests.emulator.kernel_map import KERNEL_MAP, linked, running

MOST = 256


def line(platform: str, function: str, first_argument: str = "") -> str:
    """Return a line of the probes file."""
    words = [function, f"{linked('probes', platform, function):#x}"]
    if first_argument:
        words.append(f"{linked('probes', platform, first_argument):#x}")
    return " ".join(words)


def probed(run: BareRun) -> list[Event]:
    assert "done" in run.lines
    return [event for event in run.events if event.kind in ("probe-enter", "probe-return")]


def test_a_call_is_told_with_its_arguments_and_its_result(bare: Boot, platform: str) -> None:
    run = bare(platform, "probes", "case_calls", Setup(probes=(line(platform, "sum"),)))
    told = probed(run)
    assert [(event.kind, event.gpa, event.result) for event in told] == [
        ("probe-enter", 3, 0),
        ("probe-return", 0, 7),
        ("probe-enter", 5, 0),
        ("probe-return", 0, 11),
    ]
    assert [event.size for event in told[::2]] == [4, 6]


def test_a_return_tells_what_its_vcpu_executed(bare: Boot, platform: str) -> None:
    """On one vCPU, that is what the clock tells."""
    run = bare(platform, "probes", "case_calls", Setup(probes=(line(platform, "sum"),)))
    for entered, left in zip(probed(run)[::2], probed(run)[1::2], strict=True):
        assert left.size == left.clock - entered.clock > 0


def test_the_life_of_a_page_has_no_calls_in_it(bare: Boot) -> None:
    """Whose arguments are numbers."""
    setup = Setup(probes=(line("tdx", "sum"),))
    run = bare("tdx", "probes", "case_argument_is_an_address", setup)
    assert probed(run)[0].gpa == run.only("stop").gpa
    assert run.report is not None
    assert "probe-enter" not in {event["kind"] for event in run.report["page_history"]}


def test_other_vcpus_turns_are_not_counted(bare: Boot, platform: str) -> None:
    setup = Setup(cpus=2, probes=(line(platform, "pauses"),))
    entered, left = probed(bare(platform, "probes", "case_beside_another", setup))
    assert (
        39 <= left.size <= 60
    )  # twenty times DEC and JNZ; a PAUSE that ends a turn is not counted
    assert left.clock - entered.clock > 1_000_000


def test_a_call_that_another_vcpu_ends_is_not_counted(bare: Boot, platform: str) -> None:
    setup = Setup(cpus=2, probes=(line(platform, "stays"),))
    entered, left = probed(bare(platform, "probes", "case_ends_elsewhere", setup))
    assert (entered.vcpu, left.vcpu, left.size) == (0, 1, 0)


def test_nothing_is_counted_without_a_count_of_instructions(bare: Boot) -> None:
    setup = Setup(threads="multi", probes=(line("snp", "sum"),))
    assert [event.size for event in probed(bare("snp", "probes", "case_calls", setup))[1::2]] == [
        0,
        0,
    ]


def test_a_call_is_told_where_it_happens(bare: Boot) -> None:
    run = bare("snp", "probes", "case_calls", Setup(probes=(line("snp", "sum"),)))
    places = ("sum", "after_first", "sum", "after_second")
    assert [event.rip for event in probed(run)] == [running(run, place) for place in places]


def test_a_place_within_a_block_is_told(bare: Boot) -> None:
    """As a function that the one before runs into."""
    run = bare("snp", "probes", "case_calls", Setup(probes=(line("snp", "in_passing"),)))
    [entered, _] = probed(run)
    assert (entered.kind, entered.rip) == ("probe-enter", running(run, "in_passing"))


def test_probes_are_told_apart(bare: Boot) -> None:
    lines = (line("snp", "nested"), "", line("snp", "sum"))
    run = bare("snp", "probes", "case_calls", Setup(probes=lines))
    assert {event.detail for event in probed(run)} == {1}


def test_only_calls_with_the_first_argument_asked_for_are_told(bare: Boot) -> None:
    run = bare("snp", "probes", "case_locks", Setup(probes=(line("snp", "sum", "lock"),)))
    entered, left = probed(run)
    assert (entered.kind, entered.gpa) == ("probe-enter", running(run, "lock"))
    assert left.kind == "probe-return"


def test_returns_of_a_function_that_calls_itself(bare: Boot) -> None:
    run = bare("snp", "probes", "case_recursion", Setup(probes=(line("snp", "nested"),)))
    entered, left = probed(run)[:4], probed(run)[4:]
    assert [(event.kind, event.gpa) for event in entered] == [
        ("probe-enter", depth) for depth in (3, 2, 1, 0)
    ]
    assert [(event.kind, event.result) for event in left] == [
        ("probe-return", depth) for depth in (0, 1, 2, 3)
    ]


def test_return_to_code_that_ran_before(bare: Boot) -> None:
    run = bare("snp", "probes", "case_known_site", Setup(probes=(line("snp", "sum"),)))
    assert [(event.kind, event.result) for event in probed(run)] == [
        ("probe-enter", 0),
        ("probe-return", 3),
    ]


def test_a_call_that_never_returns_has_no_return(bare: Boot) -> None:
    lines = (line("snp", "sum"), line("snp", "leaves_for_good"))
    run = bare("snp", "probes", "case_abandoned", Setup(probes=lines))
    assert [(event.kind, event.detail) for event in probed(run)] == [
        ("probe-enter", 0),
        ("probe-return", 0),
        ("probe-enter", 1),
    ]


SECOND_MAP = KERNEL_MAP + 24 * 0x200000
"""Where the second kernel of tests/guests/probes.c runs."""


def test_a_second_kernel_is_watched_where_it_lies(bare: Boot, platform: str) -> None:
    """The functions and the lock of the first are elsewhere."""
    setup = Setup(probes=(line(platform, "sum", "lock"),))
    run = bare(platform, "probes", "case_second_kernel", setup)
    told = probed(run)
    assert [event.kind for event in told] == ["probe-enter", "probe-return"] * 2
    places = [(KERNEL_MAP + run.at(name), SECOND_MAP + run.at(name)) for name in ("sum", "lock")]
    assert tuple(event.rip for event in told[::2]) == places[0]
    assert tuple(event.gpa for event in told[::2]) == places[1]
    assert [event.detail for event in run.of("stage")] == [1, 2, 3, 4, 5]


def test_another_second_kernel_has_probes_of_its_own(bare: Boot) -> None:
    lines = (line("snp", "sum"), "second", line("snp", "nested"))
    told = probed(bare("snp", "probes", "case_second_kernel", Setup(probes=lines)))
    first, second = told[:2], told[2:]
    assert [(event.kind, event.detail) for event in first] == [
        ("probe-enter", 0),
        ("probe-return", 0),
    ]
    assert {event.detail for event in second} == {1}
    assert len(second) == 8


@pytest.mark.parametrize(
    "wrong",
    [
        "sum",
        "second 0x",
        "sum here",
        "sum 0x1000 0x2000 0x3000",
        "sum 0x1000 there",
        "sum 0x10000000000000000",
    ],
)
def test_line_that_says_nothing_ends_the_emulator(bare: Boot, wrong: str) -> None:
    run = bare("snp", "probes", "case_calls", Setup(probes=("sum 0x1000", wrong)))
    assert (run.exit_code, run.events) == (1, [])
    assert f"probes: {run.folder / 'probes'}:2: cannot use '{wrong}'" in run.log


def test_too_many_probes_end_the_emulator(bare: Boot) -> None:
    lines = tuple(f"function{number} {number:#x}" for number in range(MOST + 1))
    run = bare("snp", "probes", "case_calls", Setup(probes=lines))
    assert run.exit_code == 1
    assert f"probes:{MOST + 1}: cannot use 'function256 0x100'" in run.log


def test_missing_file_ends_the_emulator(bare: Boot, tmp_path: Path) -> None:
    missing = tmp_path / "none"
    run = bare("snp", "probes", "case_calls", Setup(properties=(f"probes={missing}",)))
    assert run.exit_code == 1
    assert f"probes: Failed to open file “{missing}”" in run.log or str(missing) in run.log
