# SPDX-License-Identifier: GPL-2.0-only
"""A run is judged while it goes on, and stopped at a finding; a guest that does nothing wrong is never stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.schema import RAW_DTYPE, UNIT_SIZE
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.run import emulator_run
from acceptlab.toolkit.run.emulator_run import perform
from acceptlab.toolkit.run.launch import EndRun
from acceptlab.toolkit.run.live_judge import LiveJudge
from acceptlab.toolkit.run.options import RunOptions
from tests.analysis.invariants.guests import after_boot, at
from tests.analysis.synthetic import MIB, Guest
from tests.toolkit import toy
from tests.toolkit.command_line import invoke

ENOUGH = 1200
"""Events: more than the first judgement waits for."""


def working(guest: Guest) -> None:
    """Convert pages back and forth, as drivers do, until there are events enough."""
    where = at(guest, 40 * MIB)
    guest.accept_unit(where)
    while len(guest.rows) < ENOUGH:
        guest.share(where, UNIT_SIZE)
        guest.unshare(where, UNIT_SIZE)


def good_guest() -> Guest:
    guest = after_boot()
    working(guest)
    return guest


def bad_guest() -> Guest:
    """Accept a block twice, then work on."""
    guest = after_boot()
    guest.accept_block(at(guest, 16 * MIB), UNIT_SIZE)
    working(guest)
    return guest


class Growing:
    """The event stream of a guest, as far as it has been written; the judge looks at it once a minute of its own time."""

    def __init__(self, guest: Guest, folder: Path) -> None:
        self.records = guest.records()
        self.raw = folder / "events.raw"
        self.judge = LiveJudge(guest.info(), self.raw, folder / "judged")
        self.minutes = 0

    def grow_to(self, count: int, more: bytes = b"") -> None:
        self.raw.write_bytes(self.records[:count].tobytes() + more)
        self.minutes += 1
        self.judge(60.0 * self.minutes)


def test_a_finding_that_two_judgements_have_ends_the_run(tmp_path: Path) -> None:
    run = Growing(bad_guest(), tmp_path)
    run.grow_to(1023)  # too few for a judgement
    run.grow_to(1100)
    run.grow_to(1100)  # nothing new
    with pytest.raises(EndRun, match="first finding, of I2: accepted a page twice"):
        run.grow_to(1101)


def test_half_a_record_is_no_event(tmp_path: Path) -> None:
    run = Growing(bad_guest(), tmp_path)
    half = bytes(RAW_DTYPE.itemsize // 2)
    run.grow_to(1100, half)
    with pytest.raises(EndRun):
        run.grow_to(1101, half)


def test_a_guest_that_does_nothing_wrong_goes_on(tmp_path: Path) -> None:
    run = Growing(good_guest(), tmp_path)
    for count in range(1024, ENOUGH, 16):
        run.grow_to(count)
    assert (tmp_path / "judged" / "events.parquet").is_file()


@pytest.mark.usefixtures("own_cache")
def test_a_run_is_stopped_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The events are those of another machine than the toy emulator's: run.json has to be of that, too."""
    guest, stream = bad_guest(), tmp_path / "stream"
    guest.records().tofile(stream)

    def describe(*words: Any) -> RunInfo:
        came_to, events = words[8], words[10]
        return replace(guest.info(), outcome=came_to.word, reason=came_to.reason, events=events)

    monkeypatch.setattr(emulator_run.record, "describe", describe)
    kernel = resolve(str(toy.make_kernel(tmp_path)))
    asked = RunOptions(kernel.name, memory="256M", time_limit=60)
    emulator = toy.make_emulator(tmp_path, f"plays:{stream}")
    done = perform(asked, kernel, emulator, tmp_path / "run", False, stop_on_finding=True)
    assert done.stopped
    assert done.outcome.word == "killed"
    assert done.outcome.reason.startswith("stopped at the first finding, of I")
    assert done.events is not None
    assert done.events.events >= 1024
    assert Run.open(done.folder).info.reason == done.outcome.reason


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--no-events"], "--no-events"),
        (["--hardware"], "--hardware"),
        (["--firmware", "ovmf"], "--firmware"),
    ],
)
def test_what_cannot_be_judged_while_it_runs(words: list[str], why: str, tmp_path: Path) -> None:
    kernel = toy.make_kernel(tmp_path)
    refused = invoke(["run", str(kernel), "--stop-on-finding", *words])
    assert isinstance(refused.exception, BadInputError)
    assert f"--stop-on-finding and {why}" in str(refused.exception)
