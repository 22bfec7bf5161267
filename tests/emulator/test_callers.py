# SPDX-License-Identifier: GPL-2.0-only
"""Who an event is attributed to: the first return address on the stack outside the functions that only accept."""

from __future__ import annotations

import pytest

from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot
from tests.emulator.kernel_map import KERNEL_MAP, linked, running


def skip_list(platform: str) -> Setup:
    """Return a setup in which all of the guest but the functions `wants...` is skipped."""
    start, wants, wants_end, end = (
        linked("callers", platform, symbol)
        for symbol in ("start", "wants", "wants_end", "image_end")
    )
    return Setup(
        skip_list=(
            f"text {start:#x} {end:#x}",
            "",
            f"skip {start:#x} {wants:#x}",
            f"skip {wants_end:#x} {end:#x}",
        )
    )


def caller(run: BareRun) -> int:
    """Return whom the accept is attributed to."""
    assert "done" in run.lines
    return run.only("accept").caller


@pytest.mark.parametrize(
    ("case", "symbol"),
    [
        ("wants", "after_wants"),
        ("deep", "after_deep"),
        ("across_pages", "after_across"),
        ("stale", "after_stale"),
        ("by_pointer", "after_pointer"),
    ],
)
def test_who_wanted_the_memory(bare: Boot, platform: str, case: str, symbol: str) -> None:
    run = bare(platform, "callers", f"case_{case}", skip_list(platform))
    assert caller(run) == running(run, symbol)


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
    assert caller(run) == 0


@pytest.mark.parametrize(
    "wrong", ["text 0x1000", "skip 0x1000 here", "leap 0x1000 0x2000", "skip 0x1000 0x2000 0x3000"]
)
def test_line_that_says_nothing_ends_the_emulator(bare: Boot, wrong: str) -> None:
    run = bare("snp", "callers", "case_wants", Setup(skip_list=("text 0x0 0x1000", wrong)))
    assert (run.exit_code, run.events) == (1, [])
    assert f"skip-list: {run.folder / 'skip-list'}:2: cannot use '{wrong}'" in run.log
