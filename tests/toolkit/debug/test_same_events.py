# SPDX-License-Identifier: GPL-2.0-only
"""A boot that is not the recorded one is an error, and so is a moment that did not come."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from acceptlab.analysis.trace.schema import RAW_DTYPE, Kind
from acceptlab.analysis.trace.stream import convert_raw
from acceptlab.toolkit.debug import halted
from acceptlab.toolkit.debug.moment import Halt
from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.run.emulator_command import RunFiles

HALT = Halt("event:5", "event #5 (accept)", 5)


def records(*kinds: Kind) -> npt.NDArray[np.void]:
    made = np.zeros(len(kinds), RAW_DTYPE)
    made["kind"] = kinds
    made["seq"] = np.arange(len(kinds))
    made["clock"] = made["seq"] * 10
    return made


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Return a run of eight accepts."""
    raw = tmp_path / "raw"
    records(*[Kind.ACCEPT] * 8, Kind.END).tofile(raw)
    convert_raw(raw, tmp_path / "events.parquet")
    return SimpleNamespace(path=tmp_path, events_path=tmp_path / "events.parquet")


def boot(folder: Path, events: npt.NDArray[np.void], outcome: str) -> RunFiles:
    """Write what a boot leaves."""
    files = RunFiles(folder)
    events.tofile(files.raw_events)
    files.report.write_text(json.dumps({"outcome": outcome}))
    return files


HALTED = records(*[Kind.ACCEPT] * 6, Kind.BITMAP, Kind.END)


def test_the_events_that_the_halt_adds_do_not_count(run: Any, tmp_path: Path) -> None:
    assert halted._paused(run, HALT, boot(tmp_path, HALTED, "paused")).events == 6


@pytest.mark.parametrize("name", ["clock", "gpa", "rip", "vcpu", "result"])
def test_another_event_is_an_error(run: Any, tmp_path: Path, name: str) -> None:
    events = HALTED.copy()
    events[name][3] += 1
    with pytest.raises(MachineError, match=f"event #3 has another {name}"):
        halted._paused(run, HALT, boot(tmp_path, events, "paused"))


def test_a_moment_that_did_not_come_is_an_error(run: Any, tmp_path: Path) -> None:
    events = records(*[Kind.ACCEPT] * 8, Kind.END)
    with pytest.raises(BadInputError, match="did not come before the guest ended"):
        halted._paused(run, HALT, boot(tmp_path, events, "shutdown"))
