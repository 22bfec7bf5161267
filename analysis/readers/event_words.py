# SPDX-License-Identifier: GPL-2.0-only
"""An event of the emulator as its trace-events give it: nine 64-bit words (emulator/qemu/trace-events)."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.readers.recorder import Recorder
from acceptlab.analysis.trace.schema import KIND_NAMES, STAGE_NAMES, CallerHow, Kind, Stage

WORDS = ("seq", "clock", "gpa", "size", "result", "rip", "caller", "detail", "tags")
"""The words in their order. ``tags``: bits 15..0 vcpu, 23..16 kind, 31..24 stage, 39..32 carry, 47..40 how the caller was found."""


class EmulatorEvents:
    """Records events given as words, and watches that none is missing between first and last."""

    def __init__(self, recorder: Recorder) -> None:
        self.events = 0
        self._recorder = recorder
        self._ended = False

    def take(self, name: str, words: Sequence[int]) -> None:
        """One event; ``name`` is that of the trace-event. Raises Damaged when the two disagree."""
        self._recorder.source, self._recorder.clock_unit = "emulator", "instructions"
        seq, clock, gpa, size, result, rip, caller, detail, tags = words
        vcpu, kind, stage, carry, how = (
            tags & 0xFFFF, tags >> 16 & 0xFF, tags >> 24 & 0xFF, tags >> 32 & 0xFF, tags >> 40,
        )  # fmt: skip
        if not 1 <= kind <= len(KIND_NAMES) or stage >= len(STAGE_NAMES) or how > max(CallerHow):
            raise Damaged(f"tags={tags:#x} is damaged: unknown kind, stage or way to the caller")
        if name != trace_event_of(Kind(kind)):
            raise Damaged(f"{name} has the tags of {trace_event_of(Kind(kind))}")
        if self._ended:
            raise Damaged("an event comes after the end event")
        if seq != self.events:
            self._recorder.incomplete(
                f"event {self.events} has seq {seq}: events are missing or out of order"
            )
        self.events += 1
        self._ended = kind == Kind.END
        self._recorder.event(
            Kind(kind), clock, vcpu, gpa=gpa, size=size, result=result, rip=rip, caller=caller,
            detail=detail, stage=Stage(stage), carry=carry, caller_how=how,
        )  # fmt: skip

    def finish(self) -> None:
        """Note a missing end event."""
        if not self._ended:
            self._recorder.incomplete(f"there is no end event; it ends after {self.events} events")


def trace_event_of(kind: Kind) -> str:
    """The name of the trace-event of a kind: guest_dma_refused."""
    return f"guest_{kind.name.lower()}"
