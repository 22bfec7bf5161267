# SPDX-License-Identifier: GPL-2.0-only
"""The run folder of a collection from inside a guest: readable at every moment, incomplete until its end."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.analysis.kernel.symbol_recorder import record_names
from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.conversion import import_events
from acceptlab.analysis.readers.detect import READERS
from acceptlab.analysis.run.run_folder import Run, write_run_json
from acceptlab.analysis.run.run_info import EventsInfo, RunInfo
from acceptlab.analysis.trace.coverage import ABSENT, HANDOFF
from acceptlab.analysis.trace.event_writer import EventWriter
from acceptlab.toolkit.collect import guest
from acceptlab.toolkit.collect.guest_tally import GuestTally
from acceptlab.toolkit.collect.view import View
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.hardware import signs
from acceptlab.toolkit.importing.import_record import Origin, recorded_here, run_json
from acceptlab.toolkit.kernels import running_kernel
from acceptlab.toolkit.platforms import CONFIDENTIAL
from acceptlab.toolkit.processes import stop_requested
from acceptlab.toolkit.run.new_folder import claimed

TEXT = "trace.txt"
"""In the run folder: every call with its process and stack, of which events.parquet has what its columns can hold."""
_UNFINISHED = (
    f"the collector was killed: import the partial recording with `acceptlab import {TEXT}`"
)


@dataclass(frozen=True)
class Collected:
    """A collection that has ended."""

    folder: Path
    info: RunInfo
    lost: int
    functions: tuple[str, ...]


def collect(
    folder: Path,
    platform: str | None,
    seconds: float | None,
    command: tuple[str, ...],
    skip: Collection[str] = (),
) -> Collected:
    """Record this machine's kernel into ``folder``, new or empty, until ``seconds`` have passed or the collector is stopped.

    ``skip`` are functions of the kernel's series that only carry out an accept.
    Raises BadInputError when the platform is not known, MachineError when the machine does not let us.
    """
    found = platform or signs.look().guest
    if not found:
        raise BadInputError(
            f"this machine does not look like a confidential guest: give --platform {' or '.join(CONFIDENTIAL)}"
        )
    with claimed(folder), stop_requested() as stop:
        return _collect(folder, found, seconds, command, stop, skip)


def _collect(
    folder: Path,
    platform: str,
    seconds: float | None,
    command: tuple[str, ...],
    stop: threading.Event,
    skip: Collection[str],
) -> Collected:
    parquet, text = folder / "events.parquet", folder / TEXT
    with EventWriter(parquet) as writer:
        writer.finish(_UNFINISHED)
    unfinished = RunInfo(
        platform, "ns", "userspace", source="ebpf", events=EventsInfo(problem=_UNFINISHED),
        absent=tuple(sorted(ABSENT)),
    )  # fmt: skip
    write_run_json(folder, unfinished)
    tally = GuestTally()
    with View("collecting from this machine", tally) as view:
        recorded = guest.record(text, seconds, stop, tally, view.update, skip)
    with Opened(text) as source:
        imported = import_events(source, READERS["text"], parquet)
    info = run_json(imported, platform, parquet, None, Origin(text, "text", command))
    info = replace(
        recorded_here(info),
        outcome="userspace",  # where this runs
        reason="",
        absent=tuple(sorted({*info.absent, HANDOFF})),
    )
    record_names(Run(folder, info), running_kernel.symbols().name_of)
    write_run_json(folder, info)
    return Collected(folder, info, recorded.lost, recorded.functions)
