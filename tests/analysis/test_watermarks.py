# SPDX-License-Identifier: GPL-2.0-only
"""What was accepted before the zones had watermarks."""

from __future__ import annotations

from functools import partialmethod
from pathlib import Path

import pytest

from acceptlab.analysis.measure.watermarks import SETS_WATERMARKS, before_watermarks
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Kind, Stage
from tests.analysis.synthetic import Guest


def run_of(folder: Path, *, probes: tuple[str, ...], calls: int) -> Run:
    """A guest that accepts a unit and a page, fails once, calls another function and then the one, and accepts more."""
    guest = Guest(probes=probes)
    guest.stage_now = Stage.KERNEL
    low = guest.layout.low
    guest.accept_block(low, UNIT_SIZE)
    guest.event(Kind.PROBE_ENTER, detail=0)
    guest.accept_block(low + UNIT_SIZE, PAGE_SIZE)
    guest.event(Kind.ACCEPT, low + UNIT_SIZE, PAGE_SIZE, carry=1)
    for unit in range(calls):
        guest.event(Kind.PROBE_ENTER, detail=1)
        guest.accept_block(low + (2 + unit) * UNIT_SIZE, UNIT_SIZE)
    guest.end()
    return Run.open(guest.write(folder / "run"))


def test_what_is_accepted_before_the_first_call_counts(tmp_path: Path) -> None:
    run = run_of(tmp_path, probes=("accept_memory", SETS_WATERMARKS), calls=2)
    assert before_watermarks(run) == UNIT_SIZE + PAGE_SIZE


def test_batches_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(tmp_path, probes=("accept_memory", SETS_WATERMARKS), calls=2)
    small = partialmethod(EventFile.batches, batch_events=2)
    monkeypatch.setattr(EventFile, "batches", small)
    assert before_watermarks(run) == UNIT_SIZE + PAGE_SIZE


@pytest.mark.parametrize("calls", [0, 1])
def test_where_the_kernel_did_not_come_so_far_or_nobody_watched_nothing_is_told(
    tmp_path: Path, calls: int
) -> None:
    probes = ("accept_memory", "do_exit" if calls else SETS_WATERMARKS)
    assert before_watermarks(run_of(tmp_path, probes=probes, calls=calls)) is None
