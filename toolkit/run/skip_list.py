# SPDX-License-Identifier: GPL-2.0-only
"""Functions of a kernel that mean something to the emulator: those that only carry out an acceptance or an exit, panic() and oops_enter().

The emulator walks the stack at each event and takes the first return address outside the former as the event's caller. A guest
that entered panic() is ended a while later: before Linux can reset the machine, it loops there without end. One that oopses again
and again is ended, too: where the report of an oops faults, Linux never comes to panic().
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

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
_STARTUP = re.compile("|".join(map(re.escape, in_force(STARTUP_PREFIXES))))
_WATCHED = {PANIC: "panic", OOPS: "oops"}
"""The emulator's words for functions that it watches."""
_COMPILER_SUFFIX = re.compile(r"\.(isra|constprop|part|cold|llvm)\.?\d*.*$")

Table = Sequence[tuple[int, str]]
"""(link-time address, name), sorted."""


def is_skipped(name: str, more: Collection[str] = ()) -> bool:
    """Return whether a function, whatever suffix the compiler gave it, only carries out acceptance or conversion.

    ``more`` are such functions of the kernel's series.
    """
    plain = _plain(name)
    return plain in more or _SKIPPED.fullmatch(plain) is not None


def is_exit(name: str) -> bool:
    """Return whether a function exits to the host or the TDX module, whatever for."""
    return _EXITS.fullmatch(_plain(name)) is not None


def _plain(name: str) -> str:
    """Return a function's name as its source has it."""
    plain = _COMPILER_SUFFIX.sub("", name)
    found = _STARTUP.match(plain)
    return plain[found.end() :] if found else plain


def _text(table: Table) -> list[tuple[int, int]]:
    """Return (start, end) of the kernel's text and of the text that it frees after boot; [] when the former is not known."""
    edges = {name: address for address, name in table}
    stays, *others = in_force(TEXT)
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
    addresses = sorted({address for address, _ in table})
    following = dict(zip(addresses, [*addresses[1:], addresses[-1]], strict=True))
    carriers = {(address, "skip") for address, name in table if is_skipped(name, more)}
    carriers |= {(address, "exit") for address, name in table if is_exit(name)}
    lines = [f"text {start:#x} {end:#x}" for start, end in parts]
    lines += [
        f"{word} {address:#x} {following[address]:#x}"
        for address, word in sorted(carriers)
        if any(start <= address < end for start, end in parts)
    ]
    lines += [
        f"{_WATCHED[name]} {address:#x} {following[address]:#x}"
        for address, name in table
        if name in _WATCHED
    ]
    return "".join(f"{line}\n" for line in lines)


def write_skip_list(table: Table, path: Path, more: Collection[str] = ()) -> bool:
    """Write the file; return False, and write nothing, when the symbols do not show where the kernel's text is."""
    text = skip_list_text(table, more)
    if text:
        path.write_text(text)
    return bool(text)
