# SPDX-License-Identifier: GPL-2.0-only
"""Record what a live guest's kernel does with its memory, from inside, by kprobes and our series' tracepoints: as trace text, with bcc
and nothing else.

`python3 -m acceptlab.toolkit.collect.guest FILE SECONDS [FUNCTION...]` runs it where acceptlab's other libraries are not, such as in a small guest; the file is
for `acceptlab import`.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.toolkit.collect import bcc_library, guest_program, permission
from acceptlab.toolkit.collect.guest_tally import GuestTally
from acceptlab.toolkit.collect.guest_text import TraceText
from acceptlab.toolkit.errors import AcceptlabError, MachineError
from acceptlab.toolkit.processes import stop_requested

_POLL = 0.05
"""Seconds between two looks at the ring."""
_RING_PAGES = 2048
"""8 MiB: 70,000 records of 120 bytes."""
_MOST_FRAMES = 16


@dataclass(frozen=True)
class Recorded:
    """What came of it."""

    events: int
    lost: int
    functions: tuple[str, ...]


def record(
    file: Path,
    seconds: float | None,
    stop: threading.Event,
    tally: GuestTally,
    look: Callable[[int], None],
    skip: Collection[str] = (),
) -> Recorded:
    """Record until ``seconds`` have passed (None: without end) or a stop is asked for; ``file`` is new when it is done.

    ``skip`` are functions of the kernel's series that only carry out an accept. ``tally`` counts what goes by; ``look`` is called several times a second with the number of events lost so far.
    What is written so far is there at every moment, without an end line: incomplete. Raises MachineError when this machine does not let us.
    """
    permission.check_kprobes()
    bcc = bcc_library.load()
    places = guest_program.addresses()
    functions = [one for one in guest_program.functions() if one.name in places]
    traced = guest_program.tracepoints()
    if not functions and not traced:
        raise MachineError(
            "this kernel has no functions that accept memory, or hides them (kptr_restrict)"
        )
    direct_map = places.get(guest_program.DIRECT_MAP, 0)
    program = bcc.BPF(text=guest_program.program(_RING_PAGES, direct_map, traced).encode())
    try:
        with file.open("w", buffering=1 << 16) as output:
            text = TraceText(
                output, {places[one.name]: one for one in functions}, _Stacks(bcc, program), tally, skip,
            )  # fmt: skip
            attached = [one.name for one in traced if _attach_tracepoint(program, one.name)]
            attached += [one.name for one in functions if _attach(program, one.name)]
            print(f"collecting: {', '.join(attached)}", file=sys.stderr, flush=True)
            _loop(program, text, seconds, stop, look)
            lost = _lost(program)
            text.finish(lost)
        return Recorded(text.events, lost, tuple(attached))
    finally:
        program.cleanup()


class _Stacks:
    """Names of the functions of a stack, innermost first; the same stack is looked up once."""

    def __init__(self, bcc: Any, program: Any) -> None:
        self._bcc = bcc
        self._table = program[b"stacks"]
        self._known: dict[int, list[tuple[int, str]]] = {}

    def __call__(self, stack: int) -> list[tuple[int, str]]:
        if stack < 0:
            return []
        if stack not in self._known:
            frames = list(self._table.walk(stack))[:_MOST_FRAMES]
            self._known[stack] = [(frame, self._name(frame)) for frame in frames]
        return self._known[stack]

    def _name(self, address: int) -> str:
        return str(self._bcc.BPF.ksym(address, show_offset=True).decode(errors="replace"))


def _attach(program: Any, name: str) -> bool:
    """Put probes on a function's call and return; False where the kernel refuses (inlined copies, blacklists)."""
    try:
        program.attach_kretprobe(event=name.encode(), fn_name=b"returned")
        program.attach_kprobe(event=name.encode(), fn_name=b"entered")
    except Exception as error:  # bcc raises plain Exception
        print(f"{name} cannot be probed: {error}", file=sys.stderr)
        return False
    return True


def _attach_tracepoint(program: Any, name: str) -> bool:
    """Listen to a tracepoint of our series; False where the kernel refuses."""
    try:
        program.attach_tracepoint(
            tp=f"{guest_program.SYSTEM}:{name}".encode(), fn_name=name.encode()
        )
    except Exception as error:  # bcc raises plain Exception
        print(f"the tracepoint {name} cannot be used: {error}", file=sys.stderr)
        return False
    return True


def _lost(program: Any) -> int:
    return int(program[b"lost"][0].value)


def _loop(
    program: Any,
    text: TraceText,
    seconds: float | None,
    stop: threading.Event,
    look: Callable[[int], None],
) -> None:
    def received(_context: object, data: int, _size: int) -> None:
        text.take(ctypes.cast(data, ctypes.POINTER(guest_program.Call)).contents)

    program[b"calls"].open_ring_buffer(received)
    end = None if seconds is None else time.monotonic() + seconds
    while not stop.is_set() and (end is None or time.monotonic() < end):
        stop.wait(_POLL)
        program.ring_buffer_consume()
        look(_lost(program))
    program.ring_buffer_consume()


def main() -> int:
    """Record into the file of the first argument, for as many seconds as the second says; the others are functions to skip."""
    try:
        with stop_requested() as stop:
            seconds = float(sys.argv[2]) if len(sys.argv) > 2 else None
            skip = sys.argv[3:]
            done = record(Path(sys.argv[1]), seconds, stop, GuestTally(), lambda _lost: None, skip)
    except AcceptlabError as error:
        print(f"collect: {error}", file=sys.stderr)
        return error.exit_code
    print(f"collected: {done.events} events, {done.lost} lost", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
