# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark of the start of commands: what it runs works, and what it prints is what was measured."""

from __future__ import annotations

import pytest

from acceptlab.toolkit.errors import MachineError
from benchmarks import __main__ as main
from benchmarks import startup


@pytest.mark.processes
def test_every_command_runs() -> None:
    seconds = startup.measure(startup.commands(), rounds=1)
    assert set(startup.BOUNDS) | {startup.PYTHON, startup.B4, startup.LIBRARIES} <= set(seconds)
    assert all(spent > 0 for spent in seconds.values())


def test_a_command_that_fails_is_one_line() -> None:
    bad = startup.Command(["sh", "-c", "echo no such thing >&2; exit 1"], {})
    with pytest.raises(MachineError, match=r"^bad failed: no such thing$"):
        startup.measure({"bad": bad}, rounds=1)


def test_rows_have_the_ratios_and_a_missed_bound() -> None:
    seconds = {startup.PYTHON: 0.01, startup.B4: 0.2, "acceptlab --help": 0.05, "completion": 0.151}
    rows = {row["what"]: row for row in main._startup_rows(seconds)}
    helped = rows["acceptlab --help: processor time (s)"]
    assert helped["measured"] == "0.050 (5.0 x python, 0.25 x b4)"
    assert (helped["bound"], helped["holds"]) == ("<= 0.15", "holds")
    assert rows["completion: processor time (s)"]["holds"] == "MISSED"
    assert rows[f"{startup.PYTHON}: processor time (s)"]["holds"] == ""


def test_without_b4_there_is_no_ratio_to_it() -> None:
    (row,) = main._startup_rows({startup.PYTHON: 0.01})
    assert row["measured"] == "0.010 (1.0 x python)"
