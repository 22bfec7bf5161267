# SPDX-License-Identifier: GPL-2.0-only
"""A clean trace that is falsified is found out: by every invariant what it is for, and anything at random."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.invariants import REGISTRY
from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.invariants.verdict import Status, Verdict
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import EventsInfo, Probe
from acceptlab.analysis.trace.event_writer import EventWriter
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, ConvertTo, Kind, Stage
from tests.analysis.mutations import mutate
from tests.analysis.mutations.lives import LOCK, Lives
from tests.analysis.synthetic import MIB, Guest, Layout, Records

PROBES = ("_raw_spin_lock_irqsave", "_raw_spin_unlock_irqrestore", "unaccepted_memory_lock")
LAYOUT = Layout(low=32 * MIB, top=96 * MIB)


def clean_guest(platform: str, backing: str, accept: str) -> Guest:
    """A guest in whose trace every invariant holds, I8 included; its last block is accepted in userspace."""
    guest = Guest(platform, accept, backing, layout=LAYOUT, probes=PROBES)
    guest.boot()
    guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=0)
    guest.event(Kind.PROBE_ENTER, LOCK, 0, detail=1)
    guest.work()
    guest.end()
    return guest


class Trial:
    """Judges traces of one guest: everything but the events stays as it is."""

    def __init__(self, guest: Guest, folder: Path) -> None:
        probes = tuple(Probe(name, LOCK) for name in PROBES)
        self.guest = guest
        self._run = Run.open(guest.write(folder / "run", probes=probes))

    def verdict(self, records: Records) -> Verdict | None:
        """The verdict, or None when the trace is refused as damaged."""
        with EventWriter(self._run.events_path) as writer:
            writer.write(records)
            events = writer.finish(None)
        about = EventsInfo(events.events, True, None, events.sha256)
        try:
            return judge(Run(self._run.path, replace(self._run.info, events=about)))
        except BadInput:
            return None


def held(verdict: Verdict) -> set[str]:
    return {one.name for one in verdict.invariants if one.status == Status.HOLDS}


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
    assert Lives(guest, guest.records()).broken == []


# --- for every invariant what it is for -------------------------------------------------------

Case = tuple[Guest, Records]


def find(records: Records, kind: Kind, number: int = 0, stage: Stage | None = None) -> int:
    """The place of an event of a kind: the ``number``th (of a stage)."""
    chosen = records["kind"] == kind
    if stage is not None:
        chosen &= records["stage"] == stage
    return int(np.flatnonzero(chosen)[number])


def snp(backing: str = "2M", accept: str = "lazy") -> Case:
    guest = clean_guest("snp", backing, accept)
    return guest, guest.records()


def dropped(kind: Kind, number: int = 0, stage: Stage | None = None) -> Case:
    guest, records = snp()
    return guest, mutate.drop(records, find(records, kind, number, stage))


def duplicated(kind: Kind, number: int = 0, backing: str = "2M") -> Case:
    guest, records = snp(backing)
    return guest, mutate.duplicate(records, find(records, kind, number))


def shifted(kind: Kind, by: int, number: int = 0, stage: Stage | None = None) -> Case:
    guest, records = snp()
    return guest, mutate.shift(records, find(records, kind, number, stage), by)


def resized(kind: Kind, size: int, number: int = 0, stage: Stage | None = None) -> Case:
    guest, records = snp()
    return guest, mutate.resize(records, find(records, kind, number, stage), size)


def moved(kind: Kind, by: int, number: int = 0) -> Case:
    guest, records = snp()
    at = find(records, kind, number)
    return guest, mutate.reorder(records, at, at + by)


def accept_moved_behind_a_snapshot() -> Case:
    guest, records = snp()
    at = find(records, Kind.ACCEPT, -1, Stage.KERNEL)
    return guest, mutate.reorder(records, at, find(records, Kind.BITMAP, 1))


def launch_moved_behind_the_handoff() -> Case:
    guest, records = snp()
    at = find(records, Kind.LAUNCH, 1)
    return guest, mutate.reorder(records, at, find(records, Kind.STAGE, 1))


def two_vcpus_in_turn() -> Case:
    """Pages of a unit accepted by vCPU 1 among those that vCPU 0 accepts: two events change places."""
    guest = Guest("snp", "lazy", "4K", layout=LAYOUT, probes=PROBES)
    guest.boot()
    unit, other = LAYOUT.low + 40 * MIB, LAYOUT.low + 48 * MIB
    for start in (unit, other):
        guest.event(Kind.CONVERT, start, UNIT_SIZE, detail=ConvertTo.PRIVATE)
        guest.event(Kind.ASSIGN, start, UNIT_SIZE)
    for offset in range(0, UNIT_SIZE, PAGE_SIZE):
        guest.accept_block(unit + offset, PAGE_SIZE, vcpu=0)
        guest.accept_block(other + offset, PAGE_SIZE, vcpu=1)
    guest.bits[[20, 24]] = False
    guest.work()
    guest.end()
    records = guest.records()
    accepts = np.flatnonzero((records["kind"] == Kind.ACCEPT) & (records["gpa"] >= other))
    theirs = int(accepts[100])
    records = mutate.shift(records, theirs, unit - other)
    return guest, mutate.shift(records, theirs - 1, other - unit)


def unlock_moved_behind_an_accept() -> Case:
    guest, records = snp()
    at = find(records, Kind.PROBE_ENTER, 1)
    return guest, mutate.reorder(records, at, find(records, Kind.ACCEPT, 0, Stage.USERSPACE))


USERSPACE = Stage.USERSPACE
CASES: dict[tuple[str, str], Callable[[], Case]] = {
    ("I1", "drop"): lambda: dropped(Kind.RAM, 1),
    ("I1", "shift"): lambda: shifted(Kind.ACCEPT, LAYOUT.top, -1),
    ("I1", "resize"): lambda: resized(Kind.ACCEPT, LAYOUT.top, -1),
    ("I2", "duplicate"): lambda: duplicated(Kind.ACCEPT, 3),
    ("I2", "shift"): lambda: shifted(Kind.ACCEPT, -UNIT_SIZE, -1),
    ("I2", "resize"): lambda: resized(Kind.ACCEPT, 2 * UNIT_SIZE, 2),
    ("I3", "drop"): lambda: dropped(Kind.ASSIGN, -1),
    ("I3", "duplicate"): lambda: duplicated(Kind.RESCIND),
    ("I3", "reorder"): lambda: moved(Kind.ASSIGN, 1, -1),
    ("I3", "shift"): lambda: shifted(Kind.RESCIND, 32 * PAGE_SIZE),
    ("I3", "resize"): lambda: resized(Kind.ASSIGN, PAGE_SIZE, -1),
    ("I4", "drop"): lambda: dropped(Kind.ACCEPT, -1),
    ("I4", "reorder"): accept_moved_behind_a_snapshot,
    ("I4", "shift"): lambda: shifted(Kind.ACCEPT, UNIT_SIZE, -1),
    ("I4", "resize"): lambda: resized(Kind.ACCEPT, PAGE_SIZE, -1),
    ("I5", "drop"): lambda: dropped(Kind.ACCEPT, -1, USERSPACE),
    ("I5", "shift"): lambda: shifted(Kind.ACCEPT, 8 * UNIT_SIZE, -1, USERSPACE),
    ("I5", "resize"): lambda: resized(Kind.ACCEPT, PAGE_SIZE, -1, USERSPACE),
    ("I6", "shift"): two_vcpus_in_turn,
    ("I7", "duplicate"): lambda: duplicated(Kind.ACCEPT, 2, "4K"),
    ("I8", "drop"): lambda: dropped(Kind.PROBE_ENTER, 1),
    ("I8", "reorder"): unlock_moved_behind_an_accept,
    ("I8", "shift"): lambda: shifted(Kind.PROBE_ENTER, 64, 1),
    ("I9", "drop"): lambda: dropped(Kind.LAUNCH, 1),
    ("I9", "reorder"): launch_moved_behind_the_handoff,
    ("I9", "shift"): lambda: shifted(Kind.LAUNCH, 4 * UNIT_SIZE, 1),
    ("I9", "resize"): lambda: resized(Kind.LAUNCH, UNIT_SIZE, 1),
    ("I10", "resize"): lambda: resized(Kind.ACCEPT, 32 * MIB, 2),
}


def suspected(verdict: Verdict) -> set[str]:
    """The invariants that are broken, or look broken in a trace that contradicts itself."""
    looks = {one.split(":")[0] for one in verdict.reasons if ": Possibly broken" in one}
    return looks | {one.name for one in verdict.invariants if one.status == Status.BROKEN}


@pytest.mark.parametrize(("invariant", "how"), CASES)
def test_a_falsified_event_breaks_the_invariant(invariant: str, how: str, tmp_path: Path) -> None:
    """Of most, the snapshots or run.json tell that the trace is false: then it is no finding, but the invariant has seen it."""
    guest, records = CASES[invariant, how]()
    verdict = Trial(guest, tmp_path).verdict(records)
    assert verdict is not None and verdict.verdict in ("findings", "undecided")
    assert invariant in suspected(verdict)
    assert Lives(guest, records).broken != [] or invariant == "I10"


@pytest.mark.parametrize("kind", [Kind.RAM, Kind.LAUNCH])
@pytest.mark.parametrize("backing", ["2M", "4K"])
def test_the_handoff_ends_with_the_guest_s_first_instruction(
    kind: Kind, backing: str, tmp_path: Path
) -> None:
    guest, records = snp(backing)
    records = mutate.duplicate(records, find(records, kind), find(records, Kind.STAGE) + 1)
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
    records = mutate.duplicate(records, find(records, Kind.ASSIGN, -1), len(records) - 1)
    records["kind"][-2] = kind
    verdict = Trial(guest, tmp_path).verdict(records)
    assert verdict is not None and verdict.verdict == "undecided"
    assert any("takes an accepted page of the guest" in reason for reason in verdict.reasons)
    assert Lives(guest, records).broken != []


def test_there_is_a_case_for_every_invariant_and_every_way() -> None:
    assert {invariant for invariant, _ in CASES} == set(REGISTRY)
    assert {how for _, how in CASES} == set(mutate.RANDOM)


# --- at random --------------------------------------------------------------------------------


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
    before, original = held(verdict), Lives(guest, records)
    for _ in range(count):
        words, mutated = mutate.at_random(records, chance)
        if not noticed(trial, before, mutated) and not harmless(original, guest, mutated):
            yield f"{words}: {Lives(guest, mutated).broken[:2]}"


SHAPES = list(itertools.product(("snp", "tdx"), ("2M", "4K"), ("lazy", "eager")))


@pytest.mark.parametrize(("platform", "backing", "accept"), SHAPES)
def test_random_mutations_are_noticed_or_harmless(
    platform: str, backing: str, accept: str, tmp_path: Path
) -> None:
    trial = Trial(clean_guest(platform, backing, accept), tmp_path)
    assert list(unnoticed_and_harmful(trial, 10, seed=1)) == []


@pytest.mark.long
@pytest.mark.parametrize(("platform", "backing", "accept"), SHAPES)
def test_ten_thousand_random_mutations(
    platform: str, backing: str, accept: str, tmp_path: Path
) -> None:
    trial = Trial(clean_guest(platform, backing, accept), tmp_path)
    assert list(unnoticed_and_harmful(trial, 10_000 // len(SHAPES), seed=2)) == []
