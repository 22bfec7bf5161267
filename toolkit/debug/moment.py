# SPDX-License-Identifier: GPL-2.0-only
"""The moment of a run at which it is halted: an event, the first call of a function, or a count of instructions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from acceptlab.analysis.explain.life import Life, Moment, life_of
from acceptlab.analysis.explain.why import choose
from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.kernel.symbols import RunSymbols
from acceptlab.analysis.pages.table_stores import stores_of
from acceptlab.analysis.pages.transitions import Op
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import KIND_NAMES, ON_MEMORY, Kind, Stage
from acceptlab.toolkit.errors import BadInputError

CLOCK = "icount:"
"""Before a count of the guest's instructions."""
_FINDING = re.compile(r"(?:I\d+|guest)(?:#\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Halt:
    """Where the guest is halted. `at` is the emulator's property halt-at; `title` for people.

    `event` is the number of the event, if it is one, and `page` the address that the event is about.
    """

    at: str
    title: str
    event: int | None = None
    page: int | None = None


def halt_at(run: Run, symbols: RunSymbols, text: str) -> Halt:
    """Return the halt that `--at` names. Raises BadInputError where the run has no such moment."""
    if text.isdecimal():
        return _at_event(run, int(text))
    if text.startswith(CLOCK):
        return _at_clock(run, text.removeprefix(CLOCK))
    if _FINDING.fullmatch(text):
        finding = choose(judge(run, symbols=lambda: symbols), text)
        events = [int(seq) for seq in finding.evidence.get("events", [])]
        if not events:
            raise BadInputError(f"finding {text} concerns no event: give --at an event's number")
        found = _at_event(run, max(events))
        return replace(found, title=f"{found.title}, of finding {text} ({finding.title})")
    return _at_function(symbols, text)


def halt_at_last(run: Run, symbols: RunSymbols, page: int, kind: str, before: int | None) -> Halt:
    """Return the halt at the last accept or conversion of a page, or store to its bit, before an event or the end of the run."""
    if kind == "store":
        seq = _last_store(run, page, before)
        found = _at_event(run, seq)
        return replace(
            found, title=f"{found.title}, the last {kind} to the bit of {page:#x}", page=page
        )
    life = life_of(run, page, symbols)
    mine = [one for one in _of_kind(life, kind) if before is None or one.event["seq"] < before]
    if not mine:
        raise BadInputError(
            f"no event of {run.path} is a successful {kind} of {page:#x}{_before(before)}"
        )
    event = mine[-1].event
    found = _at_event(run, int(event["seq"]))
    return replace(found, title=f"{found.title}, the last {kind} of {page:#x}", page=page)


def clock_of(run: Run, halt: Halt) -> int:
    """Return the guest's clock at a halt, in instructions. Raises BadInputError for the call of a function, whose clock is not known."""
    if halt.event is None:
        kind, _, number = halt.at.partition(":")
        if kind != "clock":
            raise BadInputError(f"{halt.title}: its instruction count is not known; give an event")
        return int(number)
    for batch in EventFile(run.events_path).batches(("clock",)):
        if batch.start <= halt.event < batch.start + len(batch):
            return int(batch["clock"][halt.event - batch.start])
    raise AssertionError(halt)


def _last_store(run: Run, page: int, before: int | None) -> int:
    """Return the number of the last store that changed the page's bit in the table of unaccepted memory."""
    table = run.info.handoff.bitmap
    if table is None:
        raise BadInputError(f"{run.path}: the kernel was given no table of unaccepted memory")
    unit = (page - table.phys_base) // table.unit_size
    if not 0 <= unit < table.size * 8:
        raise BadInputError(f"{page:#x} has no bit in the table of unaccepted memory")
    last = -1
    for batch in EventFile(run.events_path).batches(("kind", "gpa", "size", "result", "detail")):
        stores = stores_of(batch, table)
        if stores is None:
            continue
        for bits in (stores.cleared, stores.set):
            mine = batch.start + bits.position[bits.bit == unit]
            mine = mine if before is None else mine[mine < before]
            last = max(last, int(mine.max(initial=-1)))
    if last < 0:
        raise BadInputError(
            f"no event of {run.path} is a store to the bit of {page:#x}{_before(before)}"
        )
    return last


def _before(event: int | None) -> str:
    return "" if event is None else f" before event #{event}"


def _of_kind(life: Life, kind: str) -> list[Moment]:
    if kind == "accept":
        return [one for one in life.moments if one.op in (Op.ACCEPT, Op.LAUNCH)]
    return [one for one in life.moments if one.event["kind"] == kind and not one.event["result"]]


def _at_event(run: Run, seq: int) -> Halt:
    events = EventFile(run.events_path)
    for batch in events.batches(("kind", "stage", "gpa")):
        if not batch.start <= seq < batch.start + len(batch):
            continue
        kind, stage, gpa = (
            int(batch[name][seq - batch.start]) for name in ("kind", "stage", "gpa")
        )
        title = f"event #{seq} ({KIND_NAMES[kind - 1]})"
        if stage == Stage.FIRMWARE and kind != Kind.STAGE:
            raise BadInputError(f"{title} is of the boot handoff, before the first instruction")
        if seq >= events.events - 2:
            raise BadInputError(f"{title} is the end of the run: nothing can be halted there")
        page = gpa if ON_MEMORY[kind] else None
        return Halt(f"event:{seq}", title, seq, page)
    raise BadInputError(f"{run.path} has no event {seq}: its {events.events} events begin with 0")


def _at_clock(run: Run, text: str) -> Halt:
    count = int(text) if text.isdecimal() else 0
    most = int((run.info.report or {}).get("instructions", 0))
    if not 0 < count < most:
        raise BadInputError(f"{CLOCK}{text}: must be 1 to {most - 1}, the run's instructions")
    return Halt(f"clock:{count}", f"{count:,} instructions")


def _at_function(symbols: RunSymbols, name: str) -> Halt:
    if name not in symbols.first:
        raise BadInputError(
            f"--at {name}: no function of the kernel; give a function, an event's number, a finding such as I2#1, or {CLOCK}N"
        )
    return Halt(f"call:{symbols.first.address(name):#x}", f"the first call of {name}()")
