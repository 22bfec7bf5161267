# SPDX-License-Identifier: GPL-2.0-only
"""A damaged trace or a lying run.json turns no finding into clean, and no clean run into a finding about the guest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.verdict import Verdict
from tests.mutation.traces import __main__ as command
from tests.mutation.traces.campaign import (
    COUNTS,
    LIES,
    OF_EVENTS,
    REFUSED,
    SHAPES,
    Part,
    attempt,
    few,
    parts,
    wrong,
)
from tests.mutation.traces.trial import Trial, clean_guest

FEW = 2
QUICK = [one for one in parts() if one.how != LIES or one.guest in (*OF_EVENTS, "snp-2M-lazy")]


@pytest.mark.parametrize("part", QUICK, ids=str)
def test_few_damaged_runs(part: Part, tmp_path: Path) -> None:
    assert attempt(few(part, FEW), tmp_path).wrong == []


@pytest.mark.long
@pytest.mark.parametrize("part", parts(), ids=str)
def test_many_damaged_runs(part: Part, tmp_path: Path) -> None:
    outcome = attempt(part, tmp_path)
    assert outcome.verdicts.total() == part.count
    assert outcome.wrong == []


def test_half_of_each_kind_is_of_clean_guests() -> None:
    for how, count in COUNTS.items():
        for clean in (True, False):
            mine = [one.count for one in parts() if (one.how, one.is_clean) == (how, clean)]
            assert len(mine) == len(SHAPES if clean else OF_EVENTS)
            assert sum(mine) >= count / 2


def test_a_wrong_verdict_is_seen(tmp_path: Path) -> None:
    """Of a guest that breaks an invariant as if it were clean, and the other way about."""
    guilty = few(Part(OF_EVENTS[0], "events", 12), 12)
    verdicts = attempt(guilty, tmp_path / "a").verdicts
    assert verdicts["clean"] == 0 and verdicts["findings"] > 0
    trial = Trial(clean_guest("snp", "2M", "lazy"), tmp_path / "b")
    clean = trial.verdict(trial.guest.records())
    assert wrong(False, clean) == "a guilty guest is clean" and wrong(True, clean) == ""
    assert wrong(True, None) == wrong(False, None) == ""


def test_the_command_prints_a_row_for_each_part(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def accused(was_clean: bool, verdict: Verdict | None) -> str:
        return "an innocent guest" if was_clean else ""

    monkeypatch.setattr("tests.mutation.traces.campaign.wrong", accused)
    monkeypatch.setattr(command, "parts", lambda: [few(one, 1) for one in parts()])
    monkeypatch.setattr(sys, "argv", ["traces", "order of snp-2M-lazy", "order of I2"])
    assert command.main() == 1
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("order of snp-2M-lazy") and rows[0].endswith("; 1 wrong")
    assert rows[1] == "    #0: an innocent guest"
    assert rows[2].endswith("; 0 wrong")
    assert rows[-1] == "1 order of clean guests, 1 order of broken guests: 1 wrong"
    monkeypatch.setattr(sys, "argv", ["traces", "no such part"])
    assert command.main() == 1
    assert REFUSED not in rows[-1]
