# SPDX-License-Identifier: GPL-2.0-only
"""A report as JSON, for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from acceptlab.analysis.measure.modelled_time import Modelled
from acceptlab.analysis.report.compare import contests
from acceptlab.analysis.report.facts import Subject, caller_rows, fact_rows, stage_rows
from acceptlab.analysis.report.run_groups import Group, groups_of
from acceptlab.analysis.report.stall_causes import held_up


def as_json(subjects: Sequence[Subject]) -> str:
    """An object with ``format``, ``groups`` (by all but the seed), ``comparison`` (of facts by group) and ``runs`` as given."""
    groups = groups_of(subjects)
    document = {
        "format": 1,
        "groups": [_group(group) for group in groups],
        "comparison": [asdict(one) for one in contests(groups)],
        "runs": [_run(subject) for subject in subjects],
    }
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _group(group: Group) -> dict[str, Any]:
    runs = [str(subject.run.path.resolve()) for subject in group.subjects]
    seeds = [subject.run.info.machine.seed for subject in group.subjects]
    return {"name": group.name, "source": runs, "seeds": seeds, "repeats": group.repeats}


def _run(subject: Subject) -> dict[str, Any]:
    info, cost, modelled = subject.run.info, subject.cost, subject.modelled
    waiting = held_up(caller_rows(subject), modelled.profile if modelled else None)
    return {
        "name": subject.name,
        "path": str(subject.run.path),
        "facts": dict(fact_rows(subject)),
        "verdict": subject.verdict.to_json(),
        "clock": info.clock,
        "reproduce": info.reproduce,
        "operations": [asdict(one) for one in cost.operations],
        "callers": [asdict(row) for row in caller_rows(subject)],
        "stages": [
            {"stage": stage, "clock": spent, "accepts": accepts, "bytes": size}
            for stage, spent, accepts, size in stage_rows(subject)
        ],
        "held_up": [asdict(one) for one in waiting],
        "latency": asdict(subject.latency) if subject.latency.measured else None,
        "modelled": _modelled(modelled) if modelled else None,
        "source": _source(subject),
    }


def _modelled(modelled: Modelled) -> dict[str, Any]:
    return {
        **asdict(modelled),
        "label": "modelled",
        "unit": "ns",
        "ns": modelled.ns,
        "before_userspace_ns": modelled.before_userspace(),
    }


def _source(subject: Subject) -> dict[str, Any]:
    """Where every number of this run comes from, and the command that made it."""
    info = subject.run.info
    return {
        "run": str(subject.run.path.resolve()),
        "events": str(subject.run.events_path.resolve()),
        "events_sha256": info.events.sha256,
        "command": info.reproduce,
    }
