# SPDX-License-Identifier: GPL-2.0-only
"""A trace that lost events: what the loss may explain is no finding, and nothing makes it clean."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.invariants import invariant
from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.invariants.verdict import LISTED, Status, Verdict
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.gaps import Holes
from acceptlab.analysis.trace.schema import Kind
from tests.analysis.synthetic import Guest, Records
from tests.mutation.traces.test_random import SHAPES
from tests.mutation.traces.trial import clean_guest

LAST = 60


@given(
    st.sets(st.integers(0, LAST), min_size=1),
    st.integers(1, 5),
    st.integers(0, LAST),
    st.integers(0, LAST),
)
def test_holes_are_the_numbers_that_never_came(
    there: set[int], part: int, low: int, high: int
) -> None:
    seq = np.array(sorted(there), np.uint64)
    holes = Holes()
    for start in range(0, len(seq), part):
        holes.follow(seq[start : start + part])
    holes.breaks_off()
    low, high = sorted((low, high))
    missing = set(range(low, high + 1)) - there
    assert bool(holes.between(low, high)) == bool(missing)


def test_numbers_that_go_back_tell_nothing_of_where() -> None:
    holes = Holes()
    wrong = holes.follow(np.array([0, 1, 3, 2, 4], np.uint64))
    assert wrong[0] == 2
    assert holes.between(0, 0)


def verdict(guest: Guest, records: Records, folder: Path) -> Verdict:
    return judge(Run.open(guest.write(folder, lambda _: records)))


@pytest.mark.parametrize(("platform", "backing", "accept"), SHAPES)
def test_loss_alone_is_never_a_finding(
    platform: str, backing: str, accept: str, tmp_path: Path
) -> None:
    guest, chance = clean_guest(platform, backing, accept), random.Random(7)
    records = guest.records()
    for number in range(4):
        lost = np.zeros(len(records), np.bool_)
        for _ in range(chance.choice([1, 1, 3])):
            start = chance.randrange(len(records))
            lost[start : start + chance.choice([1, 2, 30, 600])] = True
        found = verdict(guest, records[~lost], tmp_path / str(number))
        assert found.verdict == "undecided", np.flatnonzero(lost)
        assert not found.findings


def accepted_twice() -> tuple[Guest, int, int]:
    """A guest that accepts a block twice, and the numbers of the two accepts."""
    guest = Guest()
    guest.boot()
    first = next(row for row in reversed(guest.rows) if row[9] == Kind.ACCEPT)
    guest.snapshot("between")
    again = len(guest.rows)
    guest.event(Kind.ACCEPT, first[2], first[3], carry=0)
    guest.end()
    return guest, first[0], again


def test_a_hole_before_and_one_behind_what_a_finding_follows_from_change_nothing(
    tmp_path: Path,
) -> None:
    guest, first, again = accepted_twice()
    records = np.delete(guest.records(), [first - 2, again + 2])
    found = verdict(guest, records, tmp_path / "run")
    assert {one.invariant for one in found.findings} == {"I2"}
    assert found.verdict == "findings"


@pytest.mark.parametrize("where", ["within", "at the begin", "at the end"])
def test_a_hole_in_or_beside_what_a_finding_follows_from_leaves_it_undecided(
    where: str, tmp_path: Path
) -> None:
    guest, first, again = accepted_twice()
    at = {"within": first + 1, "at the begin": first - 1, "at the end": again + 1}[where]
    found = verdict(guest, np.delete(guest.records(), at), tmp_path / "run")
    assert found.verdict == "undecided" and not found.findings
    (reason,) = [one for one in found.reasons if one.startswith("I2: Possibly broken")]
    assert f"event #{at} is missing" in reason


def test_a_touch_whose_accept_may_be_missing_is_no_finding(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    guest.event(Kind.FAULT, guest.layout.top - 4096, 1, detail=0x100)
    guest.end()
    records = guest.records()
    (fault,) = np.flatnonzero(records["kind"] == Kind.FAULT)
    records["seq"][fault + 1 :] += 1
    found = verdict(guest, records, tmp_path / "run")
    assert found.verdict == "undecided" and not found.findings
    assert f"event #{fault + 1} is missing" in str(found)


def test_a_refused_access_is_a_finding_whatever_is_missing(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    unaccepted = guest.layout.top - 4096
    guest.event(Kind.FAULT, unaccepted, 1, detail=0x100)
    guest.end()
    found = verdict(guest, np.delete(guest.records(), 3), tmp_path / "run")
    (finding,) = found.findings
    assert finding.invariant == "I1" and finding.title == "accessed a page that is not accepted"
    assert "event #3 is missing" in finding.explanation


def accepted_twice_often(blocks: int, gaps: list[int]) -> tuple[Guest, Records]:
    """A guest that accepts a block again and again, ``gaps`` of them behind a missing event."""
    guest = Guest()
    guest.boot()
    first = next(row for row in reversed(guest.rows) if row[9] == Kind.ACCEPT)
    lost = []
    for number in range(blocks):
        guest.event(Kind.FAULT, 0xFEE00000, 1, detail=0)
        if number in gaps:
            lost.append(len(guest.rows))
            guest.event(Kind.FAULT, 0xFEE00000, 1, detail=0)
        guest.event(Kind.FAULT, 0xFEE00000, 1, detail=0)
        guest.event(Kind.ACCEPT, first[2], first[3], carry=0)
        guest.event(Kind.FAULT, 0xFEE00000, 1, detail=0)
    guest.end()
    return guest, np.delete(guest.records(), lost)


def test_each_finding_is_examined_for_what_is_missing(tmp_path: Path) -> None:
    """Of twenty, the first seven are doubtful: the other thirteen are findings, of which five are listed."""
    guest, records = accepted_twice_often(20, list(range(7)))
    found = verdict(guest, records, tmp_path / "run")
    assert {one.invariant for one in found.findings} == {"I2"}
    assert len(found.findings) == LISTED
    assert {one.total for one in found.findings} == {13}
    (result,) = [one for one in found.invariants if one.name == "I2"]
    assert (result.status, result.findings) == (Status.BROKEN, 13)
    assert any(one.startswith("I2: Possibly broken") for one in found.reasons)


def test_a_few_doubtful_among_many_are_not_counted(tmp_path: Path) -> None:
    guest, records = accepted_twice_often(20, [6, 11, 19])
    found = verdict(guest, records, tmp_path / "run")
    assert {one.total for one in found.findings} == {17}


def test_all_doubtful_are_no_finding_however_many(tmp_path: Path) -> None:
    guest, records = accepted_twice_often(20, list(range(20)))
    found = verdict(guest, records, tmp_path / "run")
    assert found.verdict == "undecided" and not found.findings


def test_what_was_not_examined_is_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invariant, "EXAMINED", 8)
    guest, records = accepted_twice_often(20, [0])
    found = verdict(guest, records, tmp_path / "run")
    assert {one.total for one in found.findings} == {7}
    assert "I2: 12 more are possibly broken" in str(found.reasons)
    guest, records = accepted_twice_often(20, list(range(8)))
    found = verdict(guest, records, tmp_path / "doubtful")
    assert found.verdict == "undecided" and not found.findings
    guest, records = accepted_twice_often(20, [])
    found = verdict(guest, records, tmp_path / "whole")
    assert {one.total for one in found.findings} == {20}
