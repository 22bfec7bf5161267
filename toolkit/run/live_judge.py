# SPDX-License-Identifier: GPL-2.0-only
"""Judges a run while the guest runs, and ends it at the first finding.

What the emulator has written so far is judged as a whole now and then. Only invariants that a later event cannot take back are asked,
and which need neither probes nor the emulator's report, which comes at the end. A finding counts when the next judgement has it, too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from acceptlab.toolkit.run.launch import EndRun

if TYPE_CHECKING:
    from acceptlab.analysis.invariants.invariant import Invariant
    from acceptlab.analysis.invariants.verdict import Finding
    from acceptlab.analysis.run.run_info import RunInfo

ASKED = ("I1", "I2", "I3", "I7", "I9")
"""Accesses, accepts, their order, refused accepts, and firmware's data; the others are judged when the guest has ended."""
_FIRST = 1024
"""Events of the first judgement: a kernel that has just begun."""
_SHARE = 4
"""Times the wall time of a judgement that passes before the next, so that judging takes a fifth of a core at most."""


class LiveJudge:
    """Called with the seconds so far; raises EndRun for a finding that two judgements in a row have.

    `info` is the run's as far as it is known at the start, `raw` the emulator's event stream, and `scratch` a folder for copies.
    """

    def __init__(
        self,
        info: RunInfo,
        raw: Path,
        scratch: Path,
        registry: Mapping[str, type[Invariant]] | None = None,
    ) -> None:
        self._info = info
        self._raw = raw
        self._scratch = scratch
        self._registry = registry
        self._judged = 0
        self._next = _FIRST
        self._not_before = 0.0
        self._suspect: tuple[str, str, int] | None = None

    def __call__(self, seconds: float) -> None:
        """Judge what there is, if it is time to. Raises EndRun."""
        if seconds < self._not_before or self._events() < self._next:
            return
        started = time.monotonic()
        found = self._first_finding()
        spent = time.monotonic() - started
        self._not_before = seconds + spent * (1 if found else 1 + _SHARE)
        before, self._suspect = self._suspect, _key(found) if found else None
        if found and before == self._suspect:
            raise EndRun(f"stopped at the first finding, of {found.invariant}: {found.title}")
        # What is suspected is looked at again as soon as there is another event.
        self._next = self._judged + (1 if found else max(_FIRST, self._judged // 4))

    def _events(self) -> int:
        from acceptlab.toolkit.run.follower import RECORD_SIZE

        try:
            return self._raw.stat().st_size // RECORD_SIZE
        except OSError:
            return 0

    def _first_finding(self) -> Finding | None:
        """Return the finding with the lowest event among those of the events so far."""
        from acceptlab.analysis.invariants import REGISTRY
        from acceptlab.analysis.invariants.judge import judge
        from acceptlab.analysis.run.run_folder import Run
        from acceptlab.analysis.trace.stream import convert_raw
        from acceptlab.toolkit.run.record import events_info

        self._scratch.mkdir(exist_ok=True)
        so_far = self._scratch / "events.raw"
        self._judged = _copy_with_end(self._raw, so_far)
        summary = convert_raw(so_far, self._scratch / "events.parquet")
        info = replace(self._info, events=events_info(summary))
        asked = self._registry or {name: REGISTRY[name] for name in ASKED}
        verdict = judge(Run(self._scratch, info), registry=asked)
        ours = [one for one in verdict.findings if one.invariant in asked]
        return min(ours, key=_event, default=None)


def _event(finding: Finding) -> int:
    return min((int(seq) for seq in finding.evidence.get("events", [])), default=0)


def _key(finding: Finding) -> tuple[str, str, int]:
    return finding.invariant, finding.title, _event(finding)


def _copy_with_end(raw: Path, copy: Path) -> int:
    """Copy the whole records of a stream that is being written, and end the copy as the emulator would; return their number."""
    import numpy as np

    from acceptlab.analysis.trace.schema import RAW_DTYPE, Kind

    records = np.fromfile(raw, RAW_DTYPE)
    end = np.zeros(1, RAW_DTYPE)
    if len(records):
        end["clock"], end["stage"] = records["clock"][-1], records["stage"][-1]
    end["kind"], end["seq"], end["detail"] = Kind.END, len(records), len(records)
    np.concatenate([records, end]).tofile(copy)
    return len(records)
