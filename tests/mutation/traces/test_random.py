# SPDX-License-Identifier: GPL-2.0-only
"""Traces that are falsified at random: the judge notices it, or every page lives the same life as before."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.trace.schema import PAGE_SIZE, RAW_DTYPE, UNIT_SIZE, Kind
from tests.analysis.synthetic import Guest, Records
from tests.examples import examples
from tests.mutation.traces import falsify
from tests.mutation.traces.lives import Lives
from tests.mutation.traces.trial import Trial, clean_guest, clean_lives, held


def noticed(trial: Trial, before: set[str], records: Records) -> bool:
    """Whether the judge is less content than before: a finding, a doubt, or an invariant that it can decide no more."""
    verdict = trial.verdict(records)
    return verdict is None or verdict.verdict != "clean" or not held(verdict) >= before


def harmless(original: Lives, guest: Guest, records: Records) -> bool:
    """Whether every page lives the same life as before, by a judge of its own, and no rule is broken."""
    mutated = Lives(guest, records)
    return not mutated.broken and mutated.same_life(original)


def unnoticed_and_harmful(trial: Trial, count: int, seed: int) -> Iterator[str]:
    """Mutations, in words, that nobody notices although they change what the trace tells."""
    guest, chance = trial.guest, random.Random(seed)
    records = guest.records()
    verdict = trial.verdict(records)
    assert verdict is not None
    before, original = held(verdict), clean_lives(guest.platform, guest.backing, guest.accept)
    for _ in range(count):
        words, mutated = falsify.at_random(records, chance)
        if not noticed(trial, before, mutated) and not harmless(original, guest, mutated):
            yield f"{words}: {Lives(guest, mutated).broken[:2]}"


SHAPES = list(itertools.product(("snp", "tdx"), ("2M", "4K"), ("lazy", "eager")))


@pytest.mark.parametrize(("platform", "backing", "accept"), SHAPES)
def test_random_mutations_are_noticed_or_harmless(
    platform: str, backing: str, accept: str, tmp_path: Path
) -> None:
    trial = Trial(clean_guest(platform, backing, accept), tmp_path)
    assert list(unnoticed_and_harmful(trial, 4, seed=1)) == []


@pytest.mark.long
@pytest.mark.parametrize(("platform", "backing", "accept"), SHAPES)
def test_ten_thousand_random_mutations(
    platform: str, backing: str, accept: str, tmp_path: Path
) -> None:
    trial = Trial(clean_guest(platform, backing, accept), tmp_path)
    assert list(unnoticed_and_harmful(trial, 10_000 // len(SHAPES), seed=2)) == []


# --- events of the guest and its host that change a page's state ------------------------------

CHOSEN = (Kind.ACCEPT, Kind.ASSIGN, Kind.RESCIND)


def beside(records: Records, at: int) -> int:
    """The next event on the same page, or the one before."""
    same = np.flatnonzero(
        (records["gpa"] == records["gpa"][at]) & (records["size"] == records["size"][at])
    )
    place = int(np.flatnonzero(same == at)[0])
    return int(same[place + 1]) if place + 1 < len(same) else int(same[place - 1])


def other_size(records: Records, at: int) -> int:
    return UNIT_SIZE if records["size"][at] == PAGE_SIZE else PAGE_SIZE


WAYS: dict[str, Callable[[Records, int], Records]] = {
    "drop": falsify.drop,
    "duplicate": falsify.duplicate,
    "swap": lambda records, at: falsify.swap(records, at, beside(records, at)),
    "shift": lambda records, at: falsify.shift(records, at, UNIT_SIZE),
    "resize": lambda records, at: falsify.resize(records, at, other_size(records, at)),
}


def differs(before: Records, after: Records) -> bool:
    names = [name for name in RAW_DTYPE.names or () if name not in ("seq", "clock")]
    same = len(before) == len(after) and all((before[n] == after[n]).all() for n in names)
    return not same


def is_harmless(before: Records, at: int, how: str) -> bool:
    """Assigning what was assigned already changes no state: a second assignment is no error."""
    return how == "duplicate" and before["kind"][at] == Kind.ASSIGN


@pytest.mark.parametrize("platform", ["snp", "tdx"])
@pytest.mark.parametrize("how", WAYS)
@examples(4)
@given(number=st.integers(0, 10**6))
def test_what_changes_a_state_is_noticed_and_nothing_else(
    how: str, platform: str, number: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    guest = clean_guest(platform, "2M", "lazy")
    records = guest.records()
    chosen = np.flatnonzero(np.isin(records["kind"], CHOSEN) & (records["result"] == 0))
    at = int(chosen[number % len(chosen)])
    falsified = WAYS[how](records, at)
    verdict = Trial(guest, tmp_path_factory.mktemp("falsified")).verdict(falsified)
    assert verdict is not None
    caught = verdict.verdict != "clean"
    assert caught == (differs(records, falsified) and not is_harmless(records, at, how))
