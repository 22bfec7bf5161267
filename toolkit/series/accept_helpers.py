# SPDX-License-Identifier: GPL-2.0-only
"""Functions and locks that a series adds to the path that accepts memory, found by their calls in the kernel that was built.

Linux's own functions of that path are rows of analysis/kernel/kernel_facts.py. A function that a patch adds belongs to it when

- it has the instruction itself (PVALIDATE, or TDCALL, which Linux has in assembly alone), or
- it calls a function of the path, and all its callers belong to the path, or
- it calls a function of the path for two callers or more from outside: they had the path's function before.

One with a single caller may as well decide that memory is to be accepted: it stays the cause, and series.toml can name it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel.call_sites import PVALIDATE, TDCALL, CallSites, Table
from acceptlab.analysis.kernel.kernel_facts import (
    END,
    LOCKING,
    LOCKS,
    REQUESTS,
    RT_LOCKING,
    SIZE,
    START,
)
from acceptlab.analysis.kernel.symbol_sources import extract
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.toolkit.run.skip_list import is_exit, is_skipped, plain_name
from acceptlab.toolkit.series.git import git
from acceptlab.toolkit.series.touched import bodies, parameters_of, touched

_CALLERS = 2
"""Callers from outside from which on a function stands for the path's own."""


@dataclass(frozen=True)
class Found:
    """`skip`: functions that only carry out an accept. `locks`: spin locks that functions of the path take, Linux's own left out.

    `requests`: those in `skip` that take requests as accept_memory() does, with the names of their first two parameters.
    `replacement` takes the place of accept_memory() in a kernel that has none; "" in any other.
    """

    skip: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    requests: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    replacement: str = ""


Added = Mapping[str, Sequence[str]]
"""The parameters of each function that was added."""


def added_functions(repository: Path, before: str, after: str) -> Added:
    """Return the functions that a commit's files have and the same files of one before it have not, with the names of their parameters."""
    found: dict[str, tuple[str, ...]] = {}
    for one in touched(repository, before, after):
        old = git(repository, "ls-tree", "--name-only", before, "--", one.file)
        text = git(repository, "show", f"{before}:{one.file}") if old.strip() else ""
        had = {body.name for body in bodies(text, assembly=one.file.endswith(".S"))}
        if one.function not in had:
            new = git(repository, "show", f"{after}:{one.file}")
            found.setdefault(one.function, parameters_of(new, one.function))
    return found


def find_in(folder: Path, added: Added) -> Found:
    """Return what is found in a kernel that was built, by vmlinux and System.map in a folder; nothing where they cannot be read."""
    if not added:
        return Found()
    try:
        table = sorted((address, name) for address, _, name in extract(folder / "System.map"))
        return find(CallSites((folder / "vmlinux").read_bytes(), table), table, added)
    except (BadInput, OSError):
        return Found()


def find(calls: CallSites, table: Table, added: Added) -> Found:
    """Return what is found among the functions `added`; `table` has the kernel's symbols."""
    symbols = {name for _, name in table}
    path = {name for name in symbols if is_skipped(name)}
    mine = sorted(name for name in symbols if plain_name(name) in added and name not in path)
    instructions = calls.having(PVALIDATE) | calls.having(TDCALL)
    helpers = {name for name in mine if name in instructions and not is_exit(name)}
    exits = {name for name in symbols if is_exit(name)}
    while True:
        more = _next(calls, [one for one in mine if one not in helpers], path | helpers, exits)
        if not more:
            break
        helpers |= more
    return Found(
        tuple(sorted({plain_name(name) for name in helpers})),
        _locks(calls, table, path | helpers),
        _requests(calls, helpers, path | helpers, added),
        _replacement(calls, symbols, helpers, path),
    )


def _next(
    calls: CallSites, candidates: Collection[str], path: Collection[str], exits: Collection[str]
) -> set[str]:
    """Return the candidates that belong to the path as far as it is known."""
    into = {caller for one in path for caller in calls.callers(one)}
    out = {caller for one in exits for caller in calls.callers(one)}
    found = set()
    for name in candidates:
        callers = calls.callers(name)
        outside = {plain_name(one) for one in callers if one not in path}
        inside = bool(callers) and not outside
        if (name in into and (inside or len(outside) >= _CALLERS)) or (name in out and inside):
            found.add(name)
    return found


def _locks(calls: CallSites, table: Table, path: Collection[str]) -> tuple[str, ...]:
    names = dict(table)
    found = set()
    for function in in_force(LOCKING + RT_LOCKING):
        for caller, places in calls.callers(function).items():
            if caller in path:
                found |= {names.get(calls.first_argument(place) or 0, "") for place in places}
    return tuple(sorted(found - {"", *in_force(LOCKS)}))


def _requests(
    calls: CallSites, helpers: Collection[str], path: Collection[str], added: Added
) -> dict[str, tuple[str, str]]:
    """Return the helpers that are called from outside and take a start, and an end or a size."""
    found = {}
    for name in sorted(helpers):
        first_two = tuple(added.get(plain_name(name), ())[:2])
        if first_two in ((START, END), (START, SIZE)) and set(calls.callers(name)) - set(path):
            found[plain_name(name)] = (first_two[0], first_two[1])
    return found


def _replacement(
    calls: CallSites, symbols: Collection[str], helpers: Collection[str], path: Collection[str]
) -> str:
    """Return the function with the most callers from outside, where no function of Linux's that asks for memory is left."""
    if {one.name for one in in_force(REQUESTS)} & set(symbols):
        return ""
    known = {*helpers, *path}
    callers = {one: len(set(calls.callers(one)) - known) for one in helpers}
    return plain_name(max(callers, key=lambda one: (callers[one], one))) if callers else ""
