# SPDX-License-Identifier: GPL-2.0-only
"""What a model tells its embedder, recorded."""

from __future__ import annotations

import ctypes as ct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.model.library import library
from tests.model.names import Kind, State
from tests.model.structs import PAGE, ModelOps, RecorderRaw


class Event(NamedTuple):
    """The fields of an event that the model itself fills."""

    kind: int
    gpa: int
    size: int
    result: int
    carry: int
    detail: int
    vcpu: int


def states_after(events: Iterable[Event], effect: Mapping[Kind, State]) -> dict[int, State]:
    """Return the state of each page that successful events of some kinds left, by its address."""
    return {
        gpa: effect[Kind(event.kind)]
        for event in events
        if event.kind in effect and not event.result
        for gpa in range(event.gpa, event.gpa + event.size, PAGE)
    }


class Recorder:
    """Collects what a model tells its embedder, and holds the guest's memory."""

    def __init__(self, memory_size: int = 0) -> None:
        self._lib = library()
        self._pointer = ct.c_void_p(self._lib.recorder_new(memory_size))
        self._raw = RecorderRaw.from_address(self._pointer.value or 0)
        self.ops = ModelOps()
        self._lib.recorder_ops(self._pointer, ct.byref(self.ops))

    def __del__(self) -> None:
        self._lib.recorder_free(self._pointer)

    def take_events(self) -> list[Event]:
        """The events since the last call; forgets everything recorded."""
        assert not self._raw.overflow
        events = [
            Event(e.kind, e.gpa, e.size, e.result, e.carry, e.detail, e.vcpu)
            for e in self._raw.event[: self._raw.events]
        ]
        self._lib.recorder_reset(self._pointer)
        return events

    def lost(self) -> list[tuple[int, int]]:
        return [(r.gpa, r.size) for r in self._raw.lost_range[: self._raw.lost]]

    def scrubs(self) -> list[tuple[int, int]]:
        return [(r.gpa, r.size) for r in self._raw.scrub_range[: self._raw.scrubs]]

    def interrupt_at(self, call: int) -> None:
        """The call-th question for a pending interrupt from now on is answered yes; 0: none."""
        self._raw.interrupt_at = call
        self._raw.interrupt_calls = 0

    def halt(self, *vcpus: int) -> None:
        """The host has halted these vCPUs, and no others."""
        self._raw.halted = sum(1 << vcpu for vcpu in vcpus)

    def address(self, gpa: int) -> ct.c_void_p:
        """Where the guest's memory at gpa lies in this process."""
        return ct.c_void_p(self._raw.memory + gpa)

    def memory(self, gpa: int, size: int) -> memoryview:
        return memoryview((ct.c_uint8 * size).from_address(self._raw.memory + gpa)).cast("B")
