# SPDX-License-Identifier: GPL-2.0-only
"""The life of a page and how a finding came about, on guests whose every event is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.explain.life import ACCEPTED, PENDING, TAKEN, TOO_LATE, Life, life_of
from acceptlab.analysis.explain.timeline import timeline
from acceptlab.analysis.explain.why import choose, finding_object, finding_text, life_text
from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.kernel.symbols import NO_SYMBOLS
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import KIND_NAMES, Kind
from tests.analysis.synthetic import MIB, Guest
from tests.toolkit.command_line import invoke


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, int]:
    """A run whose guest accepts one unit again, and an address in it."""
    guest = Guest()
    guest.boot()
    guest.work()
    accept = next(row for row in reversed(guest.rows) if row[9] == Kind.ACCEPT)
    guest.event(Kind.ACCEPT, accept[2], accept[3], carry=0)
    guest.end()
    return Run.open(guest.write(tmp_path_factory.mktemp("why") / "twice")), accept[2]


def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    accept = next(row for row in reversed(guest.rows) if row[9] == Kind.ACCEPT)
    guest.event(Kind.ASSIGN, accept[2], accept[3])
    guest.event(Kind.LAUNCH, accept[2], accept[3])
    guest.end()
    run = Run.open(guest.write(tmp_path / "run"))
    doubts = [one.doubt for one in _life(run, accept[2]).moments]
    assert doubts[-2:] == [TAKEN, TOO_LATE] and not any(doubts[:-2])
    text = " ".join(life_text(run, _life(run, accept[2])).split())
    assert f"Doubt: {TAKEN}" in text and f"Doubt: {TOO_LATE}" in text


def test_missing_events_are_told_between_those_that_are_there(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    accept = next(row for row in reversed(guest.rows) if row[9] == Kind.ACCEPT)
    guest.end()
    run = Run.open(guest.write(tmp_path / "run", lambda rows: np.delete(rows, accept[0] - 1)))
    last = _life(run, accept[2]).moments[-1]
    assert last.event["seq"] == accept[0]
    assert f"event #{accept[0] - 1} is missing" in last.doubt


def _life(run: Run, gpa: int) -> Life:
    return life_of(run, gpa, NO_SYMBOLS)


def test_every_event_of_the_page_is_told_with_its_states(twice: tuple[Run, int]) -> None:
    run, gpa = twice
    life = _life(run, gpa + 5)
    assert life.accepts == 2 and life.left_out == 0
    first, again = (one for one in life.moments if one.event["kind"] == "accept")
    assert (first.before, first.after) == (PENDING, ACCEPTED)
    assert (again.before, again.after) == (ACCEPTED, ACCEPTED)
    text = life_text(run, life)
    assert "state: accepted, unchanged" in " ".join(text.split())
    assert all(f"#{one.event['seq']} " in text for one in life.moments)


def test_the_finding_points_at_its_event_and_says_the_rule(twice: tuple[Run, int]) -> None:
    run, gpa = twice
    finding = choose(judge(run), "i2")
    text = finding_text(run, finding, _life(run, gpa))
    assert max(map(len, text.splitlines()[:-2])) <= 72
    assert f"> #{finding.evidence['events'][0]} vCPU 0 accepted" in text
    assert "validated already" in text
    assert finding_object(run, finding, None)["page"] is None


def test_a_finding_that_is_not_there_names_those_that_are(twice: tuple[Run, int]) -> None:
    verdict = judge(twice[0])
    with pytest.raises(BadInput, match="findings are I2#1"):
        choose(verdict, "I2#7")
    with pytest.raises(BadInput, match="is not a finding"):
        choose(verdict, "2")


def test_an_address_outside_ram_is_refused(twice: tuple[Run, int]) -> None:
    with pytest.raises(BadInput, match="not RAM"):
        _life(twice[0], 1 << 50)


def plotted(run: Run, gpa: int, width: int = 70) -> dict[str, str]:
    """The rows of the plot by their labels; the letters have none."""
    accept = max(moment.event["seq"] for moment in _life(run, gpa).moments)
    lines = timeline(_life(run, gpa), width, frozenset({accept}))
    assert max(map(len, lines)) <= width
    rows = [line.split("|", 1) for line in lines if "|" in line]
    return {f"{number}{label.strip()}": row for number, (label, row) in enumerate(rows)}


def test_the_plot_shows_events_and_the_states_they_leave(twice: tuple[Run, int]) -> None:
    rows = plotted(*twice)
    letters = rows["3"].split()
    wide = rows["3"].index(letters[1])
    at = {letter: number for number, letter in enumerate(letters)}
    assert letters[0] == "m" and letters[-2:] == ["A", "A"] and rows["4"].split() == ["^"]
    assert rows["4"].index("^") == (len(letters) - 1) * wide  # below the second accept
    assert rows["0accepted"].strip() == "#" * 2 * wide
    assert rows["1not accepted"].count("#") == (letters.index("A") - at["a"]) * wide
    assert rows["2owned by host"].startswith("#" * wide)
    assert rows["5clock"].split()[-1].startswith("+")


def test_a_narrow_plot_has_all_events_too(twice: tuple[Run, int]) -> None:
    rows = plotted(*twice, width=30)
    assert "A" in rows["3"] and "^" in rows["4"] and "#" in rows["0accepted"]


def test_a_fault_is_told_as_one(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    gpa = guest.layout.low + 56 * MIB
    guest.event(Kind.FAULT, gpa + 8, 1, detail=0x101, vcpu=1)
    guest.end()
    run = Run.open(guest.write(tmp_path / "run"))
    assert "took a fault on a private write" in " ".join(life_text(run, _life(run, gpa)).split())


def test_every_kind_with_an_address_has_a_sentence(tmp_path: Path) -> None:
    guest = Guest()
    gpa = guest.layout.low
    kinds = [kind for kind in Kind if kind <= Kind.CIPHERTEXT]
    for kind in kinds:
        guest.event(kind, gpa, 4096, result=0, detail=1)
    guest.end()
    run = Run.open(guest.write(tmp_path / "run"))
    text = life_text(run, _life(run, gpa))
    assert "an event" not in text.replace("an event 'rmpadjust'", "")
    assert KIND_NAMES[Kind.RMPADJUST - 1] in text


def test_the_command_answers_programs(twice: tuple[Run, int]) -> None:
    run, gpa = twice
    result = invoke(["replay", str(run.path), "--why", "I2", "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert int(answer["page"]["page"], 16) == gpa
    assert invoke(["replay", str(run.path), "--page", "zero"]).exit_code != 0
