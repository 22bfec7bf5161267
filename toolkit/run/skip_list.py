# SPDX-License-Identifier: GPL-2.0-only
"""Functions of a kernel that mean something to the emulator: those that only carry out an acceptance or an exit, panic() and oops_enter().

The emulator walks the stack at each event and takes the first return address outside the former as the event's caller. A guest
that entered panic() is ended a while later: before Linux can reset the machine, it loops there without end. One that oopses again
and again is ended, too: where the report of an oops faults, Linux never comes to panic().
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Sequence

from acceptlab.analysis.kernel.kernel_facts import (
    EXITS,
    OOPS,
    PANIC,
    SKIPPED,
    STARTUP_PREFIXES,
    TEXT,
)
from acceptlab.analysis.kernel.versions import in_force

_SKIPPED = re.compile("|".join(in_force(SKIPPED)), re.VERBOSE)
_EXITS = re.compile("|".join(in_force(EXITS)), re.VERBOSE)
_EITHER = re.compile(f"{_SKIPPED.pattern}|{_EXITS.pattern}", re.VERBOSE)
_STARTUP = in_force(STARTUP_PREFIXES)
_WATCHED = {PANIC: "panic", OOPS: "oops"}
"""The emulator's words for functions that it watches."""
_COMPILER_SUFFIX = re.compile(r"\.(isra|constprop|part|cold|llvm)\.?\d*.*$")
_PERHAPS = re.compile(rf"(?:{'|'.join(_STARTUP)})?(?:{_EITHER.pattern})(?:\.|$)", re.VERBOSE)
"""Every name whose plain form fits _EITHER begins so, and few others do: a kernel has 150,000 names."""

Table = Sequence[tuple[int, str]]
"""(link-time address, name), sorted."""


def is_skipped(name: str, more: Collection[str] = ()) -> bool:
    """Return whether a function, whatever suffix the compiler gave it, only carries out acceptance or conversion.

    ``more`` are such functions of the kernel's series.
    """
    return _is_skipped(plain_name(name), more)


def _is_skipped(plain: str, more: Collection[str]) -> bool:
    return plain in more or _SKIPPED.fullmatch(plain) is not None


def is_exit(name: str) -> bool:
    """Return whether a function exits to the host or the TDX module, whatever for."""
    return _EXITS.fullmatch(plain_name(name)) is not None


def plain_name(name: str) -> str:
    """Return a function's name as its source has it."""
    plain = _COMPILER_SUFFIX.sub("", name) if "." in name else name
    for begin in _STARTUP:
        if plain.startswith(begin):
            return plain[len(begin) :]
    return plain


def _text(table: Table) -> list[tuple[int, int]]:
    """Return (start, end) of the kernel's text and of the text that it frees after boot; [] when the former is not known."""
    stays, *others = in_force(TEXT)
    names = {edge for one in (stays, *others) for edge in (one.start, one.end)}
    edges = {name: address for address, name in table if name in names}
    if not {stays.start, stays.end} <= set(edges):
        return []
    known = [one for one in (stays, *others) if one.start in edges and one.end in edges]
    return [(edges[one.start], edges[one.end]) for one in known]


def skip_list_text(table: Table, more: Collection[str] = ()) -> str:
    """Return the emulator's skip list: the kernel's text, the ranges to skip and of exits, panic() and oops_enter(); "" when the text is not known.

    ``more`` are names of functions to skip besides those of Linux itself.
    """
    parts = _text(table)
    if not parts:
        return ""
    lines = [f"text {start:#x} {end:#x}" for start, end in parts]
    lines += [
        f"{word} {address:#x} {_end(address, table):#x}"
        for address, word in sorted(_carriers(table, more))
        if any(start <= address < end for start, end in parts)
    ]
    lines += [
        f"{_WATCHED[name]} {address:#x} {_end(address, table):#x}"
        for address, name in table
        if name in _WATCHED
    ]
    return "".join(f"{line}\n" for line in lines)


def second_kernel_text(table: Table) -> str:
    """Return the emulator's lines for panic() and oops_enter() of a kernel that the first one starts."""
    return "".join(
        f"second-{_WATCHED[name]} {address:#x} {_end(address, table):#x}\n"
        for address, name in table
        if name in _WATCHED
    )


def _carriers(table: Table, more: Collection[str]) -> set[tuple[int, str]]:
    """Return where functions begin that are skipped or exit, with the emulator's word for it."""
    few = [
        (address, plain_name(name))
        for address, name in table
        if _PERHAPS.match(name) or (more and plain_name(name) in more)
    ]
    return {(address, "skip") for address, name in few if _is_skipped(name, more)} | {
        (address, "exit") for address, name in few if _EXITS.fullmatch(name)
    }


def _end(address: int, table: Table) -> int:
    """Return the address of the next symbol, that of the last for the last."""
    behind = bisect_right(table, address, key=lambda one: one[0])
    return table[min(behind, len(table) - 1)][0]


def whole_text(table: Table, more: Collection[str] = (), second: Table = ()) -> str:
    """Return the skip list with the lines of a second kernel, whose symbols ``second`` has; "" when the symbols do not show where the kernel's text is."""
    text = skip_list_text(table, more)
    return text + second_kernel_text(second) if text else ""
