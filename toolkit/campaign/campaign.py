# SPDX-License-Identifier: GPL-2.0-only
"""Make the runs of a campaign: one without attacks, which gives the moments, then one for each act and moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from acceptlab.analysis.report.campaign.campaign_sheet import CampaignSheet, Injection, result_of
from acceptlab.toolkit.campaign.forks import nearest, saved_guests
from acceptlab.toolkit.campaign.moments import (
    Moment,
    accepts_of,
    clock_of,
    moments_of,
    stages_of,
)
from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.run.saved_guest import SavedGuest
from acceptlab.toolkit.runs.run_cache import opened
from acceptlab.toolkit.runs.run_jobs import DONE, Result, is_kept, make_all
from acceptlab.toolkit.runs.scheduler import Room
from acceptlab.toolkit.whole_files import write_whole

SHEET = "campaign.json"


def perform(
    options: RunOptions,
    acts: Sequence[str],
    sample: int | None,
    emulator: Emulator,
    out: Path,
    room: Room,
) -> CampaignSheet:
    """Make the campaign in the folder `out` and write campaign.json there; runs that are there are not made again.

    Raises MachineError when the run without attacks is not clean: nothing could be compared with it.
    """
    out = out.resolve()
    with opened(out) as kept:
        plain = make_all([options], kept, emulator, room, "the run without attacks")[0]
        if plain.folder is None or not plain.clean:
            raise MachineError(
                f"the run without attacks is not clean ({plain.reason or plain.facts.get('verdict')}); judge that first: {plain.reproduce}"
            )
        accepts = accepts_of(plain.folder, cache() / "symbols")
        moments = moments_of(accepts, options.platform, acts, sample, options.seed)
        stages = stages_of(plain.folder)
        clocks = [clock_of(one, accepts, stages) for one in moments]
        runs = [replace(options, attacks=(*options.attacks, one.attack)) for one in moments]
        missing = [
            clock
            for one, clock in zip(runs, clocks, strict=True)
            if not is_kept(one, kept, emulator)
        ]
        with saved_guests(plain.folder, options, missing, out) as saved:
            begun = [
                replace(one, from_saved=_begin(saved, clock))
                for one, clock in zip(runs, clocks, strict=True)
            ]
            results = make_all(begun, kept, emulator, room, "injections")
        sheet = CampaignSheet(
            options.kernel,
            options.platform,
            [_injection(moment, result) for moment, result in zip(moments, results, strict=True)],
        )
        write_whole(out / SHEET, json.dumps(sheet.to_json(), indent=2, sort_keys=True) + "\n")
    return sheet


def _begin(saved: Sequence[SavedGuest], clock: int) -> str:
    """Return the folder of the saved guest that an injection goes on from, "" for a boot."""
    found = nearest(saved, clock)
    return str(found.folder) if found else ""


def _injection(moment: Moment, result: Result) -> Injection:
    if result.state != DONE or result.folder is None:
        return Injection(
            moment.kind, moment.act, moment.attack, "not known", result.reason, result.state, ""
        )
    verdict = json.loads((result.folder / "verdict.json").read_text())
    done = json.loads((result.folder / "run.json").read_text()).get("attacks_done") or []
    took_place = any(one.get("took_place") for one in done)
    findings = [f"{one['invariant']} {one['title']}" for one in result.findings]
    word, how = result_of(verdict.get("host", ()), findings, took_place)
    return Injection(
        moment.kind,
        moment.act,
        moment.attack,
        word,
        how,
        str(result.facts.get("outcome", "")),
        result.reproduce,
    )
