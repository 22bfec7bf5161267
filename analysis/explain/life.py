# SPDX-License-Identifier: GPL-2.0-only
"""Every event that touched one page, with the state of the page before and after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel.caller_names import marked
from acceptlab.analysis.kernel.symbols import RunSymbols
from acceptlab.analysis.pages.history import event_at
from acceptlab.analysis.pages.transitions import Op, ops_of
from acceptlab.analysis.pages.walk import Progress, handoff_end
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import Batch, EventFile
from acceptlab.analysis.trace.gaps import Holes
from acceptlab.analysis.trace.schema import ON_MEMORY, PAGE_SIZE, Kind

KEPT = 2000
"""Most events of one page that are kept: the first half of them and the latest."""
_COLUMNS = (
    "seq",
    "clock",
    "vcpu",
    "stage",
    "kind",
    "gpa",
    "size",
    "result",
    "carry",
    "rip",
    "caller",
    "detail",
    "caller_how",
)

TOO_LATE = "The guest was already running: an event of the boot handoff is out of order here."
TAKEN = "The page was accepted and no attack is recorded: only a malicious host does this, so an event is missing or out of order."
UNKNOWN, HOST, PENDING, ACCEPTED = "unknown", "owned by host", "not accepted", "accepted"
NO_RAM = "no RAM"
_AFTER = {
    Op.RAM: HOST,
    Op.SHARE: HOST,
    Op.REMOVE: HOST,
    Op.LOST: HOST,
    Op.PLUG: HOST,
    Op.UNPLUG: NO_RAM,
    Op.RESCIND: PENDING,
    Op.ASSIGN: PENDING,
    Op.LAUNCH: ACCEPTED,
    Op.ACCEPT: ACCEPTED,
    Op.KEPT: ACCEPTED,
}


_SETS_HELD = (Op.RAM, Op.LAUNCH, Op.ACCEPT, Op.RESCIND, Op.SHARE, Op.LOST, Op.UNPLUG)


@dataclass(frozen=True)
class Moment:
    """One event in the life of a page. ``who`` is a function, or an address in hex; ``source`` its file and line.

    ``doubt`` says what cannot be as the trace tells it; nothing: an empty text.
    """

    event: dict[str, Any]
    op: Op
    before: str
    after: str
    who: str
    called_from: str
    source: str = ""
    doubt: str = ""


@dataclass(frozen=True)
class Life:
    """What happened to the page at ``gpa``, oldest first; ``left_out`` events in the middle."""

    gpa: int
    moments: list[Moment]
    left_out: int
    clock: tuple[int, int]

    @property
    def accepts(self) -> int:
        """Successful accepts among the moments that are kept."""
        return sum(one.op == Op.ACCEPT for one in self.moments)


def life_of(run: Run, gpa: int, symbols: RunSymbols, progress: Progress | None = None) -> Life:
    """The life of the page that holds ``gpa``: one pass, in bounded memory.

    Raises BadInput when the page is in no RAM of the guest and no event touches it.
    """
    page = gpa & ~(PAGE_SIZE - 1)
    events = EventFile(run.events_path)
    first: list[Moment] = []
    latest: list[Moment] = []
    left_out = 0
    state, held = UNKNOWN, False
    holes, begun, previous = Holes(), False, -1
    for batch in events.batches(_COLUMNS):
        ops = ops_of(batch)
        holes.follow(batch["seq"])
        begins = 0 if begun else handoff_end(batch)
        begun = begun or begins < len(batch)
        for position in np.flatnonzero(_touches(batch, page)).tolist():
            op = Op(int(ops[position]))
            after = _after(op, state, held)
            doubt = _doubt(op, batch, position, held, position >= begins)
            if op in _SETS_HELD:
                held = op in (Op.LAUNCH, Op.ACCEPT)
            event = event_at(batch, position)
            if missing := holes.between(previous + 1, event["seq"] - 1):
                doubt = f"Between the previous event and this one, {missing}. {doubt}".rstrip()
            previous = event["seq"]
            who, called = (
                symbols.name_of(int(batch[name][position]), int(batch["stage"][position])) or ""
                for name in ("rip", "caller")
            )
            called = marked(called, int(batch["caller_how"][position])) if called else ""
            source = symbols.source_of(event["rip"], int(batch["stage"][position])) or ""
            who = who or _hexed(event["rip"])
            moment = Moment(event, op, state, after, who, called, source, doubt)
            state = after
            if len(first) < KEPT // 2:
                first.append(moment)
                continue
            latest.append(moment)
            if len(latest) > KEPT // 2:
                latest.pop(0)
                left_out += 1
        if progress is not None:
            progress(batch.start + len(batch), events.events)
    if not first:
        raise BadInput(f"{page:#x} is not RAM of the guest, and no event of this run concerns it")
    return Life(page, first + latest, left_out, events.clock_range())


def _doubt(op: Op, batch: Batch, position: int, held: bool, begun: bool) -> str:
    if op in (Op.RAM, Op.LAUNCH) and begun:
        return TOO_LATE
    attacked = batch["kind"][position] == Kind.ATTACK
    return TAKEN if op in (Op.ASSIGN, Op.REMOVE) and held and not attacked else ""


def _after(op: Op, state: str, held: bool) -> str:
    if op == Op.RESTORE:
        return ACCEPTED if held else PENDING
    return _AFTER.get(op, state)


def _hexed(address: int) -> str:
    return f"{address:#x}" if address else ""


def _touches(batch: Batch, page: int) -> npt.NDArray[np.bool_]:
    """Events of a kind that has an address, whose range holds some byte of the page."""
    gpa = batch["gpa"]
    size = np.maximum(batch["size"], np.uint64(1))
    last = gpa + np.minimum(size - np.uint64(1), ~gpa)
    with_address = ON_MEMORY[batch["kind"]]
    touched = (gpa < np.uint64(page + PAGE_SIZE)) & (last >= np.uint64(page))
    return np.asarray(with_address & touched)
