# SPDX-License-Identifier: GPL-2.0-only
"""The verdict on a trace that somebody recorded says what was seen, and in one line what was not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.report.facts import subject_of
from acceptlab.analysis.report.html import as_html
from acceptlab.analysis.report.run_markdown import as_markdown
from acceptlab.analysis.report.run_text import as_text
from acceptlab.analysis.run.run_info import NOT_KNOWN
from acceptlab.analysis.trace.coverage import BLOCKS, EARLY, OUTSIDE_THE_GUEST, RESULTS
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind
from tests.analysis.synthetic import Guest, Records, booted, renumbered

ABSENT = (*OUTSIDE_THE_GUEST, "bitmap", "convert", "fault", "probe-enter", "stage", BLOCKS, EARLY)


def accepts_only(records: Records) -> Records:
    return renumbered(records[np.isin(records["kind"], [Kind.ACCEPT, Kind.END])])


def folder_of(guest: Guest, folder: Path, *absent: str, outcome: str = NOT_KNOWN) -> Path:
    """What a recorder of accepts has of a guest."""
    names = tuple(sorted({*ABSENT, *absent}))
    return guest.write(
        folder / "run", accepts_only, source="ftrace", clock="ns", absent=names, outcome=outcome
    )


def judged(guest: Guest, folder: Path, *absent: str) -> Verdict:
    return replay_run(folder_of(guest, folder, *absent), write=False)


def accepts_of(guest: Guest) -> int:
    return int((guest.records()["kind"] == Kind.ACCEPT).sum())


def test_the_headline_says_what_was_seen_and_one_line_what_was_not(tmp_path: Path) -> None:
    guest = booted(platform="tdx")
    verdict = judged(guest, tmp_path)
    seen = f"{accepts_of(guest)} accepts"
    assert verdict.seen == f"{seen}, no page accepted twice, none refused"
    assert verdict.headline == f"{verdict.seen}."
    assert verdict.reasons == [verdict.not_seen]
    assert verdict.not_seen.startswith("Cannot be seen in this trace: events before the recording")
    assert "the host's side, how the guest ended (not decided: I1, I2" in verdict.not_seen
    assert (verdict.verdict, verdict.exit_code) == ("undecided", 4)


@pytest.mark.parametrize("vcpu", [0, 1])
def test_a_refused_accept_is_counted(vcpu: int, tmp_path: Path) -> None:
    guest = booted(platform="tdx")
    guest.rows.pop()
    guest.event(Kind.ACCEPT, guest.layout.low, UNIT_SIZE, result=1, vcpu=vcpu)
    guest.event(Kind.END, detail=len(guest.rows))
    verdict = judged(guest, tmp_path)
    assert verdict.seen == f"{accepts_of(guest)} accepts, no page accepted twice, 1 refused"


@pytest.mark.parametrize(("platform", "between"), [("tdx", "conversions"), ("snp", "rescinds")])
def test_a_second_accept_is_counted_with_what_may_explain_it(
    platform: str, between: str, tmp_path: Path
) -> None:
    guest = booted(platform=platform)
    guest.rows.pop()
    for _ in range(2):
        guest.accept_block(guest.layout.low + 16 * UNIT_SIZE, UNIT_SIZE)
    guest.event(Kind.END, detail=len(guest.rows))
    verdict = judged(guest, tmp_path, "rescind")
    assert f", 1 of memory accepted before ({between} were not recorded)," in verdict.seen
    assert verdict.verdict == "undecided"


def test_results_that_nobody_recorded_are_not_called_success(tmp_path: Path) -> None:
    assert judged(booted(platform="tdx"), tmp_path, RESULTS).seen.endswith(
        "refusals were not recorded"
    )


def test_a_trace_that_lost_events_says_so_in_its_headline(tmp_path: Path) -> None:
    folder = folder_of(booted(platform="tdx"), tmp_path)
    about = json.loads((folder / "run.json").read_text())
    about["events"] |= {"complete": False, "problem": "the ring buffer lost 12 events"}
    (folder / "run.json").write_text(json.dumps(about))
    verdict = replay_run(folder, write=False)
    assert verdict.headline == (
        f"{verdict.seen}. The trace is not complete: the ring buffer lost 12 events."
    )
    assert verdict.exit_code == 4


def test_a_finding_stays_the_headline(tmp_path: Path) -> None:
    guest = booted(platform="tdx")
    guest.rows.pop()
    guest.accept_block(guest.layout.low + 8 * UNIT_SIZE, UNIT_SIZE)
    guest.event(Kind.END, detail=len(guest.rows))
    path = guest.write(tmp_path / "run", source="ebpf", absent=(EARLY, "bitmap"), outcome=NOT_KNOWN)
    verdict = replay_run(path, write=False)
    assert verdict.headline.startswith("I2 broken: accepted a page twice")
    assert ", 1 of memory accepted before" in verdict.seen


def test_every_form_has_both_sentences(tmp_path: Path) -> None:
    folder = folder_of(booted(platform="tdx"), tmp_path)
    subject = subject_of(folder, None, None)
    seen, unseen = subject.verdict.seen, subject.verdict.not_seen
    for text in (as_text([subject]), as_markdown([subject]), as_html([subject])):
        words = " ".join(text.replace("&#x27;", "'").replace("\\", "").split())
        assert seen in words and unseen in words
    shown = subject.verdict.to_json()
    assert (shown["seen"], shown["not_seen"]) == (seen, unseen)


def test_the_emulators_own_runs_have_no_such_sentence(tmp_path: Path) -> None:
    verdict = replay_run(booted().write(tmp_path / "run"), write=False)
    assert (verdict.verdict, verdict.seen, verdict.not_seen) == ("clean", "", "")
