# SPDX-License-Identifier: GPL-2.0-only
"""A guest's calls as trace text (docs/trace-text.md), which is also what remains of stacks and processes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple, TextIO

from acceptlab.analysis.kernel.kernel_facts import Function
from acceptlab.toolkit.collect.guest_program import BEGIN, CONVERTED, TRACEPOINTS, Call
from acceptlab.toolkit.collect.guest_tally import GuestTally
from acceptlab.toolkit.run.skip_list import is_skipped

_CONVERTS = {"set_memory_encrypted": 1, "set_memory_decrypted": 2}
"""To what a call converts memory (``enum convert_to`` of emulator/model/event.h)."""
_PAGE = 4096
_DIRECT_MAP_SIZE = 1 << 46
"""Bytes of the direct map with four levels of page tables (Documentation/arch/x86/x86_64/mm.rst)."""
_INT_MAX = 1 << 31


class _Requester(NamedTuple):
    """Who wanted memory: as the fields of a line, and by name."""

    text: str
    caller: str


class TraceText:
    """Writes one line a call, return or tracepoint, counts them in ``tally``, and closes with the end line.

    ``skip`` are functions of the kernel's series that only carry out an accept.
    """

    def __init__(
        self,
        file: TextIO,
        functions: Mapping[int, Function],
        stack_of: Callable[[int], Sequence[tuple[int, str]]],
        tally: GuestTally,
        skip: Collection[str] = (),
    ) -> None:
        self._tally = tally
        self._skip = skip
        self._file = file
        self._functions = functions
        self._stack_of = stack_of
        self._base = 0
        self._converts_by: str | None = None
        self._open: dict[tuple[str, int], tuple[int, int, int]] = {}
        file.write("# acceptlab trace 1 source=ebpf clock=ns\n")

    def take(self, call: Call) -> None:
        """Write what one record tells."""
        if 1 <= call.function <= len(TRACEPOINTS):
            self._passed(TRACEPOINTS[call.function - 1], call)
            return
        function = self._functions.get(call.function)
        if function is None:
            return
        if call.returned:
            self._returned(function, call)
        else:
            self._entered(function, call)

    @property
    def events(self) -> int:
        """Lines written so far."""
        return self._tally.events

    def finish(self, lost: int) -> None:
        """Write the end line; ``lost`` events had no room."""
        self._file.write(f"end events={self.events} lost={lost}\n")

    def _passed(self, name: str, call: Call) -> None:
        start, end = call.arguments
        given = f"start={start:#x} end={end:#x}"
        if name == BEGIN:
            who = self._who(call)
            given += f" reason={call.reason.decode(errors='replace') or 'unknown'} {who.text}"
            self._tally.add(name, start, end, who.caller)
        if name == CONVERTED:
            self._converts_by = self._converts_by or name
            result = call.value & (2 * _INT_MAX - 1)
            given += f" to={'private' if call.private else 'shared'} ret={result:#x}"
        self._line("tracepoint", name, call, given)

    def _entered(self, function: Function, call: Call) -> None:
        given = " ".join(
            f"{name}={value:#x}"
            for name, value in zip(function.arguments, call.arguments, strict=True)
        )
        who = self._who(call)
        self._line("enter", function.name, call, f"{given} {who.text}")
        first, second = call.arguments
        self._tally.add(function.name, first, second, who.caller)
        if function.name in _CONVERTS:
            self._open[function.name, call.task] = (
                call.clock,
                call.arguments[0],
                call.arguments[1],
            )
            self._base = call.direct_map

    def _returned(self, function: Function, call: Call) -> None:
        self._line("return", function.name, call, f"ret={call.value:#x}")
        begun = self._open.pop((function.name, call.task), None)
        if begun is not None:
            self._convert(function, call, *begun)

    def _convert(
        self, function: Function, call: Call, clock: int, address: int, pages: int
    ) -> None:
        """An address in the direct map tells the guest physical one; others (vmap) do not, and remain calls.

        If the kernel has the tracepoint of conversions, it has recorded this one already.
        """
        self._converts_by = self._converts_by or function.name
        if self._converts_by == CONVERTED:
            return
        offset = address - self._base
        if not self._base or not 0 <= offset < _DIRECT_MAP_SIZE:
            return
        result = call.value & (2 * _INT_MAX - 1)
        self._file.write(
            f"convert clock={call.clock} vcpu={call.vcpu} gpa={offset:#x} size={pages * _PAGE:#x} "
            f"detail={_CONVERTS[function.name]} result={result:#x} duration={call.clock - clock}\n"
        )
        self._tally.events += 1

    def _who(self, call: Call) -> _Requester:
        """Return who wanted it: the stack, of it the first function that is not acceptance itself, and the process."""
        name = call.name.decode(errors="replace").replace(" ", "_")
        frames = self._stack_of(call.stack)
        stack = ",".join(frame for _, frame in frames) or "-"
        wanted = [
            (address, frame.partition("+")[0])
            for address, frame in frames[1:]
            if not is_skipped(frame.partition("+")[0], self._skip)
        ]
        address, caller = wanted[0] if wanted else (0, "")
        return _Requester(
            f"caller={address:#x} process={call.process} name={name} stack={stack}", caller
        )

    def _line(self, what: str, name: str, call: Call, rest: str) -> None:
        self._file.write(
            f"{what} {name} clock={call.clock} vcpu={call.vcpu} task={call.task} {rest}\n"
        )
        self._tally.events += 1
