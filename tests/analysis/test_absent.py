# SPDX-License-Identifier: GPL-2.0-only
"""What a trace cannot show is never called fine, and never held against the guest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.invariants import REGISTRY
from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.invariants.verdict import Status, Verdict
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.run.run_json import from_json, to_json
from acceptlab.analysis.trace.coverage import (
    ABSENT,
    BLOCKS,
    EARLY,
    HANDOFF,
    OUTSIDE_THE_GUEST,
    PAGE_STATES,
    RESULTS,
)
from acceptlab.analysis.trace.schema import KIND_NAMES, PAGE_SIZE, Kind, Stage
from tests.analysis.synthetic import MIB, Guest, Records, booted, renumbered

PROBES = ("_raw_spin_lock_irqsave", "_raw_spin_unlock_irqrestore", "unaccepted_memory_lock")


@pytest.fixture(scope="module", params=["snp", "tdx"])
def clean(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run in which every invariant holds."""
    guest = Guest(platform=request.param, probes=PROBES)
    guest.boot()
    lock = guest.info().probes[-1].address
    for function in (0, 1):
        guest.event(Kind.PROBE_ENTER, lock, detail=function)
    guest.work()
    guest.end()
    return Run.open(guest.write(tmp_path_factory.mktemp("clean") / "run"))


def without(run: Run, *names: str) -> Verdict:
    """The verdict when run.json says that ``names`` cannot be seen."""
    return judge(Run(run.path, replace(run.info, absent=names)))


def statuses(verdict: Verdict) -> dict[str, Status]:
    return {one.name: one.status for one in verdict.invariants}


def test_all_hold_when_nothing_is_absent(clean: Run) -> None:
    assert set(statuses(without(clean)).values()) == {Status.HOLDS}


ACCEPTS = {"accept", RESULTS, EARLY}
NEEDED = {
    "I1": ACCEPTS | {HANDOFF, "fault", "stop", "dma-refused", "ciphertext"},
    "I2": ACCEPTS | {HANDOFF, "snp: rescind", "tdx: convert"},
    "I3": ACCEPTS | {HANDOFF, "assign", "attack", "convert", "remove", "stop", "snp: rescind"},
    "I4": ACCEPTS | {HANDOFF, "bitmap", PAGE_STATES},
    "I5": ACCEPTS | {HANDOFF, "stage"},
    "I6": ACCEPTS | {BLOCKS},
    "I7": ACCEPTS | {BLOCKS, "snp: rescind"},
    "I8": {"accept", "probe-enter", EARLY},
    "I9": {"bitmap", EARLY, HANDOFF},
    "I10": ACCEPTS | {HANDOFF, "stage"},
}
"""What each invariant takes; "snp: " and "tdx: " on that platform only."""


def needed(invariant: str, platform: str) -> set[str]:
    names = (one.rpartition(": ") for one in NEEDED[invariant])
    return {name for where, _, name in names if where in ("", platform)}


@pytest.mark.parametrize("name", ABSENT)
def test_what_needs_an_absent_thing_is_not_decidable_and_the_rest_holds(
    clean: Run, name: str
) -> None:
    verdict = without(clean, name)
    for invariant, status in statuses(verdict).items():
        lacks = name in needed(invariant, clean.info.platform)
        assert status == (Status.NOT_DECIDABLE if lacks else Status.HOLDS), invariant
    undecided = Status.NOT_DECIDABLE in statuses(verdict).values()
    assert verdict.verdict == ("undecided" if undecided else "clean")


def test_the_table_names_every_invariant_and_only_allowed_names() -> None:
    assert set(NEEDED) == set(REGISTRY)
    assert all(needed(one, where) <= set(ABSENT) for one in NEEDED for where in ("snp", "tdx"))


def test_the_verdict_says_what_is_missing(clean: Run) -> None:
    verdict = without(clean, "assign")
    (reason,) = verdict.reasons
    assert reason == "Not decidable: I3. The trace cannot show events of kind assign."
    (order,) = [one for one in verdict.invariants if one.name == "I3"]
    assert order.to_json()["lacking"] == ["assign"]


def test_nothing_is_not_applicable_for_want_of_a_handoff(tmp_path: Path) -> None:
    guest = booted()
    info = guest.info()
    run = Run.open(guest.write(tmp_path / "run", handoff=type(info.handoff)()))
    known, unknown = statuses(without(run)), statuses(without(run, HANDOFF))
    for name in ("I4", "I5", "I10"):
        assert (known[name], unknown[name]) == (Status.NOT_APPLICABLE, Status.NOT_DECIDABLE)


def test_every_kind_of_event_can_be_named() -> None:
    assert set(KIND_NAMES) - set(ABSENT) == {"ram", "launch", "end"}
    assert set(OUTSIDE_THE_GUEST) <= set(ABSENT)


def test_an_unknown_name_is_refused() -> None:
    data = to_json(RunInfo("snp", "ns", "userspace")) | {"absent": ["asign"]}
    with pytest.raises(BadInput, match="'asign', which is not one of"):
        from_json(data)


# --- no finding comes from what merely was not recorded -------------------------------------

SEEN_FROM_INSIDE = [Kind.ACCEPT, Kind.RESCIND, Kind.CONVERT, Kind.FAULT, Kind.END]


def from_inside(records: Records) -> Records:
    """What a recorder in the guest would have of the same run, from userspace on."""
    late = records["stage"] >= Stage.USERSPACE
    return renumbered(records[late & np.isin(records["kind"], SEEN_FROM_INSIDE)])


def write_inside(guest: Guest, folder: Path, *absent: str) -> Run:
    names = (*OUTSIDE_THE_GUEST, "bitmap", "probe-enter", "stage", EARLY, *absent)
    path = guest.write(folder / "run", from_inside, source="ebpf", clock="ns", absent=names)
    return Run.open(path)


def busy_guest(platform: str) -> Guest:
    """A guest that shares in userspace what it accepted before, and takes it back."""
    guest = Guest(platform=platform, backing="4K")
    guest.boot()
    page = guest.layout.low + 16 * MIB
    guest.share(page, 4 * PAGE_SIZE)
    guest.unshare(page, 4 * PAGE_SIZE)
    guest.work()
    return guest


@pytest.mark.parametrize("platform", ["snp", "tdx"])
@pytest.mark.parametrize("absent", [(), (HANDOFF,), (HANDOFF, RESULTS)])
def test_a_clean_guest_seen_from_inside_is_undecided(
    platform: str, absent: tuple[str, ...], tmp_path: Path
) -> None:
    guest = busy_guest(platform)
    guest.end()
    verdict = judge(write_inside(guest, tmp_path, *absent))
    assert (verdict.verdict, verdict.findings) == ("undecided", [])
    (reason,) = verdict.reasons
    assert reason.startswith("Cannot be seen in this trace: ") and "(not decided: I1, I2," in reason
    assert Status.HOLDS not in statuses(verdict).values()


@pytest.mark.parametrize("absent", [(), (HANDOFF,)])
def test_an_accept_twice_is_found_from_inside(absent: tuple[str, ...], tmp_path: Path) -> None:
    guest = busy_guest("snp")
    guest.event(Kind.ACCEPT, guest.layout.low + 16 * MIB, PAGE_SIZE, carry=0)
    guest.end()
    verdict = judge(write_inside(guest, tmp_path, *absent))
    assert {one.title for one in verdict.findings} == {"accepted a page twice"}


@pytest.mark.parametrize("absent", [(), (HANDOFF,)])
def test_a_fault_is_found_from_inside(absent: tuple[str, ...], tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    guest.event(Kind.FAULT, guest.layout.low + 56 * MIB, 1, detail=0x404 << 32 | 0x101)
    guest.end()
    verdict = judge(write_inside(guest, tmp_path, *absent))
    (finding,) = verdict.findings
    assert (finding.invariant, finding.title) == ("I1", "accessed a page that is not accepted")
