# SPDX-License-Identifier: GPL-2.0-only
"""What a terminal shows of a collection: counts of what went by, and names for who accepts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from acceptlab.analysis.kernel.symbols import Symbols
from acceptlab.analysis.trace.schema import NO_CARRY, RAW_DTYPE, CallerHow, Kind, Stage
from acceptlab.toolkit.collect.symbol_names import Names
from acceptlab.toolkit.collect.view import Tally, View

LINKED = 0xFFFFFFFF81000000
SYMBOLS = Symbols([(LINKED + 0x100, "T", "one"), (LINKED + 0x200, "T", "two")])
KASLR = 0x1A000000


def records(*rows: dict[str, int]) -> npt.NDArray[np.void]:
    found = np.zeros(len(rows), RAW_DTYPE)
    found["carry"] = NO_CARRY
    for record, row in zip(found, rows, strict=True):
        for name, value in row.items():
            record[name] = value
    return found


def test_refused_accepts_are_not_counted_as_accepted() -> None:
    tally = Tally()
    tally.add(
        records(
            {"kind": Kind.ACCEPT, "size": 4096},
            {"kind": Kind.ACCEPT, "size": 4096, "result": 6},
            {"kind": Kind.ACCEPT, "size": 4096, "carry": 1},
            {"kind": Kind.ACCEPT, "size": 2 << 20, "carry": 0},
            {"kind": Kind.FAULT, "size": 1},
            {"kind": Kind.CONVERT, "size": 4096},
        )
    )
    assert (tally.events, tally.accepts, tally.accepted, tally.faults) == (
        6,
        2,
        (2 << 20) + 4096,
        1,
    )


def test_callers_have_names_once_the_kernel_runs() -> None:
    names = Names(SYMBOLS)
    tally = Tally(names)
    tally.add(
        records(
            *(
                {
                    "kind": Kind.ACCEPT,
                    "caller": LINKED + KASLR + at,
                    "caller_how": CallerHow.BY_CALL,
                }
                for at in (0x104, 0x108, 0x204)
            )
        )
    )
    assert [count for _, count in tally.top_callers()] == [1, 1, 1]
    names.watch(records({"kind": Kind.STAGE, "detail": Stage.KERNEL, "rip": LINKED + KASLR + 0x30}))
    assert tally.top_callers() == [("one", 2), ("two", 1)]


def test_lost_events_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acceptlab.toolkit.collect.view._LINE_EVERY", 0)
    with View("collecting", Tally()) as view:
        view.update(12)
    assert "12 LOST" in capsys.readouterr().err
