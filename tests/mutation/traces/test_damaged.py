# SPDX-License-Identifier: GPL-2.0-only
"""A damaged trace or a lying run.json turns no finding into clean, and no clean run into a finding about the guest."""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Verdict
from tests.analysis.invariants.test_all import ONLY
from tests.analysis.synthetic import Records
from tests.mutation.traces.damage import damaged, lie, shuffled
from tests.mutation.traces.trial import Trial, clean_guest

SHAPES = list(itertools.product(("snp", "tdx"), ("2M", "4K"), ("lazy", "eager")))
OF_EVENTS = sorted(set(ONLY) - {"I8", "I9", "I10"})
"""Invariants whose findings follow from events alone; those of the others take what run.json or the console tells."""
MUTATIONS, LIES, ORDERS = 10_000, 500, 1_000
FEW = 2
SEED = int(os.environ.get("ACCEPTLAB_SEED", "5"))


def wrong(was_clean: bool, verdict: Verdict | None) -> str:
    """What is wrong with a verdict on damaged evidence; nothing: an empty text."""
    if verdict is None:
        return ""
    if was_clean and verdict.verdict == "findings":
        return f"an innocent guest: {verdict.findings[0].invariant} {verdict.findings[0].title}"
    return "" if was_clean or verdict.verdict != "clean" else "a guilty guest is clean"


def misjudged(
    trial: Trial, was_clean: bool, count: int, damage: Callable[[Records, random.Random], Records]
) -> Iterator[str]:
    records, chance = trial.guest.records(), random.Random(SEED)
    for number in range(count):
        if told := wrong(was_clean, trial.verdict(damage(records, chance))):
            yield f"#{number}: {told}"


def lied(folder: Path, was_clean: bool, count: int) -> Iterator[str]:
    path, chance = folder / "run.json", random.Random(SEED)
    honest = path.read_text()
    for _ in range(count):
        words, about = lie(json.loads(honest), chance)
        path.write_text(json.dumps(about))
        try:
            told = wrong(was_clean, replay_run(folder, write=False))
        except BadInput:
            continue
        if told:
            yield f"{words}: {told}"


def of_clean(platform: str, backing: str, accept: str, folder: Path, count: int) -> list[str]:
    trial = Trial(clean_guest(platform, backing, accept), folder)
    return list(misjudged(trial, True, count, damaged))


def of_broken(
    name: str, folder: Path, count: int, damage: Callable[[Records, random.Random], Records]
) -> list[str]:
    return list(misjudged(Trial(ONLY[name]()[0], folder), False, count, damage))


@pytest.mark.parametrize("shape", SHAPES, ids="-".join)
def test_no_innocent_guest_is_accused(shape: tuple[str, str, str], tmp_path: Path) -> None:
    assert of_clean(*shape, tmp_path, FEW) == []


@pytest.mark.parametrize("name", OF_EVENTS)
def test_no_guilty_guest_is_cleared(name: str, tmp_path: Path) -> None:
    assert of_broken(name, tmp_path, FEW, damaged) == []


@pytest.mark.parametrize("name", ["clean", *OF_EVENTS])
def test_a_lying_run_json(name: str, tmp_path: Path) -> None:
    guest = clean_guest("snp", "2M", "lazy") if name == "clean" else ONLY[name]()[0]
    assert list(lied(guest.write(tmp_path / "run"), name == "clean", FEW)) == []


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES, ids="-".join)
def test_no_innocent_guest_is_accused_at_length(
    shape: tuple[str, str, str], tmp_path: Path
) -> None:
    assert of_clean(*shape, tmp_path, MUTATIONS // 2 // len(SHAPES)) == []


@pytest.mark.long
@pytest.mark.parametrize("name", OF_EVENTS)
def test_no_guilty_guest_is_cleared_at_length(name: str, tmp_path: Path) -> None:
    assert of_broken(name, tmp_path / "any", -(-MUTATIONS // 2 // len(OF_EVENTS)), damaged) == []
    assert of_broken(name, tmp_path / "order", -(-ORDERS // len(OF_EVENTS)), shuffled) == []


@pytest.mark.long
@pytest.mark.parametrize("name", ["clean", *OF_EVENTS])
def test_a_lying_run_json_at_length(name: str, tmp_path: Path) -> None:
    guest = clean_guest("snp", "2M", "lazy") if name == "clean" else ONLY[name]()[0]
    count = LIES // 2 if name == "clean" else -(-LIES // 2 // len(OF_EVENTS))
    assert list(lied(guest.write(tmp_path / "run"), name == "clean", count)) == []
