# SPDX-License-Identifier: GPL-2.0-only
"""A clean trace with one falsified event breaks the invariant that it is for, and a second judge notices it, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.invariants import REGISTRY
from acceptlab.analysis.trace.schema import Kind
from tests.mutation.engine import End
from tests.mutation.traces import falsify
from tests.mutation.traces.cases import CASES, find, snp
from tests.mutation.traces.lives import Lives
from tests.mutation.traces.subject import Traces
from tests.mutation.traces.trial import Trial, clean_guest, clean_lives, held


@pytest.mark.parametrize("accept", ["lazy", "eager"])
@pytest.mark.parametrize("backing", ["2M", "4K"])
@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_both_judges_find_the_trace_clean_before(
    platform: str, backing: str, accept: str, tmp_path: Path
) -> None:
    guest = clean_guest(platform, backing, accept)
    verdict = Trial(guest, tmp_path).verdict(guest.records())
    assert verdict is not None and verdict.verdict == "clean"
    assert held(verdict) >= set(REGISTRY) - {"I5"}
    assert clean_lives(platform, backing, accept).broken == []


@pytest.mark.parametrize("name", [one.name for one in Traces().mutants()])
def test_a_falsified_event_breaks_the_invariant(name: str, tmp_path: Path) -> None:
    """Of most, the snapshots or run.json tell that the trace is false: then it is no finding, but the invariant has seen it."""
    done = Traces().attempt(name, tmp_path)
    assert done.end == End.CAUGHT, done.output


@pytest.mark.parametrize("kind", [Kind.RAM, Kind.LAUNCH])
@pytest.mark.parametrize("backing", ["2M", "4K"])
def test_the_handoff_ends_with_the_guest_s_first_instruction(
    kind: Kind, backing: str, tmp_path: Path
) -> None:
    guest, records = snp(backing)
    records = falsify.duplicate(records, find(records, kind), find(records, Kind.STAGE) + 1)
    verdict = Trial(guest, tmp_path).verdict(records)
    assert verdict is not None and verdict.verdict != "clean"
    assert any("of the boot handoff" in reason for reason in verdict.reasons)
    assert Lives(guest, records).broken != []


@pytest.mark.parametrize("kind", [Kind.ASSIGN, Kind.REMOVE])
@pytest.mark.parametrize("backing", ["2M", "4K"])
def test_an_honest_host_takes_nothing_that_the_guest_holds(
    kind: Kind, backing: str, tmp_path: Path
) -> None:
    guest, records = snp(backing)
    records = falsify.duplicate(records, find(records, Kind.ASSIGN, -1), len(records) - 1)
    records["kind"][-2] = kind
    verdict = Trial(guest, tmp_path).verdict(records)
    assert verdict is not None and verdict.verdict == "undecided"
    assert any("takes an accepted page of the guest" in reason for reason in verdict.reasons)
    assert Lives(guest, records).broken != []


def test_there_is_a_case_for_every_invariant_and_every_way() -> None:
    assert {invariant for invariant, _ in CASES} == set(REGISTRY)
    assert {how for _, how in CASES} == set(falsify.RANDOM)
