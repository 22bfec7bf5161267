# SPDX-License-Identifier: GPL-2.0-only
"""From what a guest on hardware printed to a run folder: its console, and the trace that its init put there."""

from __future__ import annotations

from pathlib import Path

from acceptlab.analysis.readers.byte_source import Opened
from acceptlab.analysis.readers.conversion import Imported, import_events
from acceptlab.analysis.readers.detect import READERS
from acceptlab.analysis.readers.printed import PREFIX
from acceptlab.analysis.run.run_info import EventsInfo, Kernel, Machine, RunInfo
from acceptlab.analysis.trace.coverage import BLOCKS, EARLY, HANDOFF, OUTSIDE_THE_GUEST, RESULTS
from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.hardware.qemu_command import Launch
from acceptlab.toolkit.kernels import resolve
from acceptlab.toolkit.run.launch import Ending
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.run.outcome import Outcome
from acceptlab.toolkit.run.policy import policy_of

_NOTHING_SEEN = tuple(sorted({EARLY, HANDOFF, BLOCKS, RESULTS, "accept", *OUTSIDE_THE_GUEST}))
NO_TRACE = "the guest printed no trace: its kernel lacks ftrace or kprobes, or it ended early"


def text_of(console: Path) -> str:
    """What the guest printed; "" when it printed nothing."""
    return console.read_text(errors="replace") if console.is_file() else ""


def check_qemu(ending: Ending, log: Path, console: Path) -> None:
    """Raise MachineError when QEMU ended by itself before the guest printed anything."""
    if ending.code <= 0 or ending.timed_out or ending.interrupted or text_of(console):
        return
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    said = lines[-1] if lines else f"no output (exit {ending.code})"
    raise MachineError(f"QEMU did not start the guest: {said}")


def from_console(console: Path, parquet: Path) -> Imported | None:
    """Make events of the trace on a console; None when there is none."""
    if PREFIX not in text_of(console):
        return None
    with Opened(console) as source:
        return import_events(source, READERS["ftrace"], parquet)


def describe(
    options: RunOptions,
    kernel: resolve.Kernel,
    wanted: Launch,
    command: str,
    came_to: Outcome,
    got: Imported | None,
) -> RunInfo:
    """Return run.json. What cannot be seen from inside a guest is absent, and so is what was not recorded."""
    events = got.events if got else None
    policy = policy_of(wanted.command_line, text_of(wanted.console))
    return RunInfo(
        platform=options.platform,
        clock="ns",
        outcome=came_to.word,
        reason=came_to.reason,
        source="ftrace",
        kernel=Kernel(
            kernel.name, str(kernel.image), kernel.version, kernel.sha256, package=kernel.package
        ),
        command_line=wanted.command_line,
        machine=Machine(
            options.memory_bytes,
            options.cpus,
            policy.ran,
            options.seed,
            options.kaslr,
            policy.refused,
        ),
        probes=got.probes if got else (),
        events=EventsInfo(events.events, events.complete, events.problem, events.sha256)
        if events
        else EventsInfo(
            problem=NO_TRACE if options.events else "recording was disabled (--no-events)"
        ),
        reproduce=options.reproduce(kernel.name),
        absent=got.absent if got else _NOTHING_SEEN,
        other={"hardware": {"command": command}},
    )
