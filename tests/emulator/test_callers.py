# SPDX-License-Identifier: GPL-2.0-only
"""Who an event is attributed to: the first return address on the stack outside the functions that only accept."""

from __future__ import annotations

import pytest

from acceptlab.analysis.trace.schema import CallerHow
from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot
from tests.emulator.kernel_map import KERNEL_MAP, linked, running


def skip_list(platform: str) -> Setup:
    """Return a setup in which all of the guest but the functions `wants...` is skipped."""
    start, exits, exits_end, wants, wants_end, end = (
        linked("callers", platform, symbol)
        for symbol in ("start", "exits", "exits_end", "wants", "wants_end", "image_end")
    )
    return Setup(
        skip_list=(
            f"text {start:#x} {end:#x}",
            "",
            f"skip {start:#x} {exits:#x}",
            f"exit {exits:#x} {exits_end:#x}",
            f"skip {exits_end:#x} {wants:#x}",
            f"skip {wants_end:#x} {end:#x}",
        )
    )


def caller(run: BareRun) -> int:
    """Return whom the accept is attributed to."""
    assert "done" in run.lines
    return run.only("accept").caller


def how(run: BareRun) -> CallerHow:
    """Return how it was found."""
    return CallerHow(run.only("accept").caller_how)


@pytest.mark.parametrize(
    ("case", "symbol", "found"),
    [
        ("wants", "after_wants", CallerHow.BY_CALL),
        ("deep", "after_deep", CallerHow.BY_CALL),
        ("across_pages", "after_across", CallerHow.BY_CALL),
        ("stale", "after_stale", CallerHow.BY_CALL),
        ("after_exit", "after_carrier", CallerHow.BY_CALL),
        ("by_pointer", "after_pointer", CallerHow.BY_SCAN),
        ("by_table", "after_table", CallerHow.BY_SCAN),
        ("jumped", "no_call", CallerHow.GUESS),
    ],
)
def test_who_wanted_the_memory(
    bare: Boot, platform: str, case: str, symbol: str, found: CallerHow
) -> None:
    run = bare(platform, "callers", f"case_{case}", skip_list(platform))
    assert (caller(run), how(run)) == (running(run, symbol), found)


def test_a_call_that_begins_has_its_return_address_on_the_stack(bare: Boot) -> None:
    at = linked("callers", "snp", "carrier")
    setup = Setup(skip_list=skip_list("snp").skip_list, probes=(f"carrier {at:#x}",))
    entered = bare("snp", "callers", "case_wants", setup).only("probe-enter")
    assert entered.caller == running(bare("snp", "callers", "case_wants", setup), "after_wants")
    assert entered.caller_how == CallerHow.EXACT


def test_text_may_have_several_parts(bare: Boot, platform: str) -> None:
    """As the kernel's own and the text that it frees after boot."""
    start, wants, wants_end = (
        linked("callers", platform, symbol) for symbol in ("start", "wants", "wants_end")
    )
    elsewhere = f"text {start - 0x2000:#x} {start - 0x1000:#x}"
    own = (f"text {start:#x} {wants_end:#x}", f"skip {start:#x} {wants:#x}")
    for lines in ((elsewhere, *own), (*own, elsewhere)):
        run = bare(platform, "callers", "case_wants", Setup(skip_list=lines))
        assert caller(run) == running(run, "after_wants")


def test_everything_is_a_caller_where_nothing_is_skipped(bare: Boot) -> None:
    run = bare("snp", "callers", "case_wants")
    assert caller(run) > KERNEL_MAP
    assert caller(run) != running(run, "after_wants"), "the innermost is the one who accepts"


def test_a_stack_outside_the_kernel_tells_nothing(bare: Boot) -> None:
    run = bare("snp", "callers", "case_low_stack", skip_list("snp"))
    assert (caller(run), how(run)) == (0, CallerHow.NOT_KNOWN)


@pytest.mark.parametrize(
    "wrong", ["text 0x1000", "skip 0x1000 here", "leap 0x1000 0x2000", "skip 0x1000 0x2000 0x3000"]
)
def test_line_that_says_nothing_ends_the_emulator(bare: Boot, wrong: str) -> None:
    run = bare("snp", "callers", "case_wants", Setup(skip_list=("text 0x0 0x1000", wrong)))
    assert (run.exit_code, run.events) == (1, [])
    assert f"skip-list: {run.folder / 'skip-list'}:2: cannot use '{wrong}'" in run.log
