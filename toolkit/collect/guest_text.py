# SPDX-License-Identifier: GPL-2.0-only
"""A guest's calls as trace text (docs/trace-text.md), which is also what remains of stacks and processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from toolkit.collect.guest_program import Call, Function
from toolkit.run.machinery import is_machinery

_CONVERTS = {"set_memory_encrypted": 1, "set_memory_decrypted": 2}
"""To what a call converts memory (``enum convert_to`` of emulator/model/event.h)."""
_PAGE = 4096
_DIRECT_MAP_SIZE = 1 << 46
"""Bytes of the direct map with four levels of page tables (Documentation/arch/x86/x86_64/mm.rst)."""
_INT_MAX = 1 << 31


class TraceText:
    """Writes one line a call or return, counts them, and closes with the end line."""

    def __init__(
        self,
        file: TextIO,
        functions: Mapping[int, Function],
        stack_of: Callable[[int], Sequence[tuple[int, str]]],
    ) -> None:
        self.events = 0
        self._file = file
        self._functions = functions
        self._stack_of = stack_of
        self._base = 0
        self._open: dict[tuple[str, int], tuple[int, int, int]] = {}
        file.write("# acceptlab trace 1 source=ebpf clock=ns\n")

    def take(self, call: Call) -> None:
        """Write what one record tells."""
        function = self._functions.get(call.function)
        if function is None:
            return
        if call.returned:
            self._returned(function, call)
        else:
            self._entered(function, call)

    def finish(self, lost: int) -> None:
        """Write the end line; ``lost`` events had no room."""
        self._file.write(f"end events={self.events} lost={lost}\n")

    def _entered(self, function: Function, call: Call) -> None:
        given = " ".join(
            f"{name}={value:#x}"
            for name, value in zip(function.arguments, call.arguments, strict=True)
        )
        name = call.name.decode(errors="replace").replace(" ", "_")
        frames = self._stack_of(call.stack)
        stack = ",".join(frame for _, frame in frames) or "-"
        caller = next(
            (address for address, frame in frames[1:] if not is_machinery(frame.partition("+")[0])),
            0,
        )
        self._line(
            "enter",
            function,
            call,
            f"{given} caller={caller:#x} process={call.process} name={name} stack={stack}",
        )
        if function.name in _CONVERTS:
            self._open[function.name, call.task] = (
                call.clock,
                call.arguments[0],
                call.arguments[1],
            )
            self._base = call.direct_map

    def _returned(self, function: Function, call: Call) -> None:
        self._line("return", function, call, f"ret={call.value:#x}")
        begun = self._open.pop((function.name, call.task), None)
        if begun is not None:
            self._convert(function, call, *begun)

    def _convert(
        self, function: Function, call: Call, clock: int, address: int, pages: int
    ) -> None:
        """An address in the direct map tells the guest physical one; others (vmap) do not, and remain calls."""
        offset = address - self._base
        if not self._base or not 0 <= offset < _DIRECT_MAP_SIZE:
            return
        result = call.value & (2 * _INT_MAX - 1)
        self._file.write(
            f"convert clock={call.clock} vcpu={call.vcpu} gpa={offset:#x} size={pages * _PAGE:#x} "
            f"detail={_CONVERTS[function.name]} result={result:#x} duration={call.clock - clock}\n"
        )
        self.events += 1

    def _line(self, what: str, function: Function, call: Call, rest: str) -> None:
        self._file.write(
            f"{what} {function.name} clock={call.clock} vcpu={call.vcpu} task={call.task} {rest}\n"
        )
        self.events += 1
