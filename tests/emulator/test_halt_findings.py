# SPDX-License-Identifier: GPL-2.0-only
"""A misbehaving guest is halted at its finding, and backwards from there at what came before; twice with the same registers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.kernel.symbols import NO_SYMBOLS
from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.debug.moment import Halt, halt_at, halt_at_last
from tests.emulator.bare_run import BareRun, boot
from tests.emulator.conftest import Boot
from tests.emulator.test_verdicts import MISDEEDS, Misdeed
from tests.emulator.verdicts import judge

FIRST = {(platform, one.invariant): one for one in reversed(MISDEEDS) for platform in one.platforms}
"""The first misdeed in the list for each invariant, on each platform."""
EACH = [
    pytest.param(platform, one, id=f"{platform}-{invariant}")
    for (platform, invariant), one in sorted(FIRST.items())
]
AGAIN = [
    pytest.param(platform, one, id=f"{platform}-{one.guest}-{one.case}")
    for one in MISDEEDS
    for platform in one.platforms
    if one.case in ("twice", "use_and_accept_again")
]


def test_the_invariants_that_a_guest_of_ours_breaks_are_all_here() -> None:
    assert {invariant for _, invariant in FIRST} == {one.invariant for one in MISDEEDS}
    assert {platform for platform, _ in FIRST} == {"snp", "tdx"}


def recorded(bare: Boot, folder: Path, platform: str, one: Misdeed) -> tuple[BareRun, Run]:
    """Return the boot of a misbehaving guest, and its judged run folder."""
    plain = bare(platform, one.guest, f"case_{one.case}", one.setup)
    judge(plain, folder, table=True)
    return plain, Run.open(folder)


def halted_twice(emulator: Path, folder: Path, plain: BareRun, one: Misdeed, halt: Halt) -> BareRun:
    """Boot the guest to the moment twice, see that it is the same one and the recorded one, and return it."""
    setup = replace(plain.setup, properties=(*plain.setup.properties, f"halt-at={halt.at}"))
    runs = []
    for name in ("first", "second"):
        (folder / name).mkdir(parents=True)
        case = (plain.platform, one.guest, f"case_{one.case}")
        runs.append(boot(emulator, folder / name, *case, setup))
    first, second = runs
    for name in ("events.raw", "report.json"):
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
    assert first.outcome == "paused"
    assert halt.event is not None
    assert first.events[: halt.event + 1] == plain.events[: halt.event + 1]
    assert first.report is not None
    assert int(first.report["rip"], 16) == plain.events[halt.event].rip
    return first


@pytest.mark.parametrize(("platform", "one"), EACH)
def test_a_guest_is_halted_at_its_finding(
    bare: Boot, emulator: Path, tmp_path: Path, platform: str, one: Misdeed
) -> None:
    plain, run = recorded(bare, tmp_path, platform, one)
    halt = halt_at(run, NO_SYMBOLS, one.invariant)
    halted = halted_twice(emulator, tmp_path, plain, one, halt)
    symbol = one.symbol if isinstance(one.symbol, str) else one.symbol[platform]
    assert halted.report is not None
    assert int(halted.report["rip"], 16) == plain.at(symbol)
    assert int(halted.report["gpa"], 16) <= one.gpa


@pytest.mark.parametrize(("platform", "one"), AGAIN)
def test_backwards_from_a_second_accept_lies_the_first(
    bare: Boot, emulator: Path, tmp_path: Path, platform: str, one: Misdeed
) -> None:
    plain, run = recorded(bare, tmp_path, platform, one)
    finding = halt_at(run, NO_SYMBOLS, one.invariant)
    back = halt_at_last(run, NO_SYMBOLS, one.gpa, "accept", finding.event)
    assert back.event is not None and finding.event is not None and back.event < finding.event
    first = halted_twice(emulator, tmp_path / "back", plain, one, back)
    forth = halted_twice(
        emulator, tmp_path / "forth", plain, one, halt_at(run, NO_SYMBOLS, str(back.event))
    )
    assert first.report == forth.report
    assert first.report is not None
    assert "accepted" in first.report["page_state"] or "validated" in first.report["page_state"]
