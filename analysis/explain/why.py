# SPDX-License-Identifier: GPL-2.0-only
"""Telling the life of a page, and how a finding came about: in sentences, or as an object."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.explain.life import Life, Moment
from acceptlab.analysis.explain.rules import rule_of
from acceptlab.analysis.explain.sentences import sentence
from acceptlab.analysis.explain.timeline import timeline
from acceptlab.analysis.invariants.verdict import GUEST, Finding, Verdict
from acceptlab.analysis.run.run_folder import Run

WIDTH = 72
_NAME = re.compile(rf"(I\d+|{GUEST})(?:#(\d+))?", re.IGNORECASE)


def unit_of(run: Run) -> str:
    """What the run's clock counts."""
    return "instructions" if run.info.clock == "instructions" else "ns"


def choose(verdict: Verdict, name: str) -> Finding:
    """The finding called ``I2`` (the first listed of I2) or ``I2#3`` (the third).

    Findings of an invariant are numbered as they are listed, from 1. Raises BadInput when the
    name is none, or the run has no such finding.
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise BadInput(f"{name!r} is not a finding: write I2, or I2#3 for the third of I2")
    invariant = GUEST if parts[1].lower() == GUEST else parts[1].upper()
    number = int(parts[2] or 1)
    mine = [one for one in verdict.findings if one.invariant == invariant]
    if not 1 <= number <= len(mine):
        names = _numbered(verdict)
        there = f"findings are {', '.join(names)}" if names else "the run has no finding"
        raise BadInput(f"the run has no finding {invariant}#{number}: {there}")
    return mine[number - 1]


def _numbered(verdict: Verdict) -> list[str]:
    seen: dict[str, int] = {}
    names = []
    for one in verdict.findings:
        seen[one.invariant] = seen.get(one.invariant, 0) + 1
        names.append(f"{one.invariant}#{seen[one.invariant]}")
    return names


def life_text(run: Run, life: Life, culprits: frozenset[int] = frozenset()) -> str:
    """The life of a page as text of at most 72 columns; ``culprits`` (seq) are marked."""
    info = run.info
    lines = _wrapped(
        f"Page {life.gpa:#x} of {run.path.name} ({info.platform.upper()}): "
        f"{_events(len(life.moments) + life.left_out)}."
    )
    lines += ["", *(f"  {line}" for line in timeline(life, WIDTH - 2, culprits)), ""]
    seen: set[str] = set()
    for moment in life.moments:
        lines += _moment(run, moment, moment.event["seq"] in culprits, seen)
    if life.left_out:
        lines += _wrapped(f"{life.left_out:,} events in the middle are omitted.")
    lines += ["", *_wrapped(f"At the end it is {life.moments[-1].after}.")]
    if info.absent:
        lines += _wrapped(f"Not recorded in this trace: {', '.join(info.absent)}.")
    return "\n".join(lines)


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"


def _moment(run: Run, moment: Moment, culprit: bool, seen: set[str]) -> list[str]:
    mark = ">" if culprit else " "
    head = f"{mark} #{moment.event['seq']} "
    lines = textwrap.wrap(
        sentence(moment, unit_of(run)), WIDTH, initial_indent=head, subsequent_indent="    "
    )
    if moment.doubt:
        lines += textwrap.wrap(
            f"Doubt: {moment.doubt}", WIDTH, initial_indent="      ", subsequent_indent="      "
        )
    rule = rule_of(moment, run.info.platform)
    if rule and (culprit or rule not in seen):
        seen.add(rule)
        lines += textwrap.wrap(
            f"Rule: {rule}", WIDTH, initial_indent="      ", subsequent_indent="      "
        )
    return lines


def finding_text(run: Run, finding: Finding, life: Life | None) -> str:
    """How a finding came about, as text of at most 72 columns."""
    lines = _wrapped(f"{finding.invariant}: {finding.title}")
    lines += ["=" * WIDTH, *_wrapped(finding.explanation)]
    lines += ["", *_wrapped(f"The rule: {_rule(finding)}"), ""]
    if "lines" in finding.evidence:
        lines += _wrapped("The finding does not concern a single page. Console:")
        lines += [line for one in finding.evidence["lines"] for line in _wrapped(f"  {one}")]
    elif life is None:
        lines += _wrapped("The finding does not concern a single page. Its events:")
        lines += _wrapped(", ".join(f"#{seq}" for seq in finding.evidence.get("events", [])))
    else:
        lines.append(life_text(run, life, _culprits(finding)))
    return "\n".join([*lines, "", f"Run: {run.path}", *_again(run)])


def _rule(finding: Finding) -> str:
    return str(finding.evidence.get("rule", "not known"))


def _culprits(finding: Finding) -> frozenset[int]:
    return frozenset(int(seq) for seq in finding.evidence.get("events", []))


def _again(run: Run) -> list[str]:
    return [f"To reproduce: {run.info.reproduce}"] if run.info.reproduce else []


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH) or [""]


def life_object(run: Run, life: Life) -> dict[str, Any]:
    """The life of a page, for programs."""
    return {
        "run": str(run.path),
        "reproduce": run.info.reproduce,
        "clock": run.info.clock,
        "absent": list(run.info.absent),
        "page": f"{life.gpa:#x}",
        "left_out": life.left_out,
        "events": [
            {
                **moment.event,
                "gpa": f"{moment.event['gpa']:#x}",
                "before": moment.before,
                "after": moment.after,
                "who": moment.who,
                "source": moment.source,
                "called_from": moment.called_from,
                "sentence": sentence(moment, unit_of(run)),
                "rule": rule_of(moment, run.info.platform),
                "doubt": moment.doubt,
            }
            for moment in life.moments
        ],
    }


def finding_object(run: Run, finding: Finding, life: Life | None) -> dict[str, Any]:
    """How a finding came about, for programs."""
    return {
        "finding": finding.to_json(),
        "rule": _rule(finding),
        "page": None if life is None else life_object(run, life),
    }
