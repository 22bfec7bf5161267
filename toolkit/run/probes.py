# SPDX-License-Identifier: GPL-2.0-only
"""Guest functions and locks to watch: from names to link-time addresses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from acceptlab.analysis.kernel import accept_arguments
from acceptlab.analysis.kernel.kernel_arguments import parameters_in
from acceptlab.analysis.kernel.kernel_facts import (
    LOCKING,
    RT_LOCKING,
    RT_UNLOCKING,
    UNACCEPTED_LOCK,
    UNLOCKING,
)
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.analysis.run.run_info import FIRST, SECOND
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.run.skip_list import Table

LOCK_FUNCTIONS = tuple(sorted(in_force(LOCKING) + in_force(UNLOCKING)))
"""How a spin lock is taken and released; each has the lock as its first argument."""
RT_FUNCTIONS = in_force(RT_LOCKING + RT_UNLOCKING)
"""The same of a kernel with CONFIG_PREEMPT_RT."""


@dataclass(frozen=True)
class Probe:
    """A function and its link-time address; the emulator adds what KASLR did.

    With `argument` only calls with that first argument (a link-time address) are recorded; `names` are those of its first two.
    `kernel` is FIRST or SECOND where it is only in that of the run's kernels, else empty.
    """

    name: str
    address: int
    argument: int | None = None
    names: tuple[str, ...] = ()
    kernel: str = ""


def _addresses(table: Table, names: Collection[str]) -> dict[str, int]:
    wanted = frozenset(names)
    return {name: address for address, name in table if name in wanted}


def resolve(names: Sequence[str], table: Table, where: str) -> list[Probe]:
    """Find every function in a symbol table that came from `where`. Raises BadInputError for one that is not there."""
    addresses = _addresses(table, names)
    found = []
    for name in names:
        if name not in addresses:
            raise BadInputError(
                f"--probe {name}: {where} has no function of that name (possibly inlined)"
            )
        found.append(Probe(name, addresses[name]))
    return found


def resolve_counts(names: Sequence[str], table: Table, where: str) -> list[Probe]:
    """Find every place in which a function's code begins: gcc splits and clones functions, as NAME.isra.0 and NAME.cold.

    Raises BadInputError for a function that is not there.
    """
    wanted = frozenset(names)
    places: dict[str, list[Probe]] = {}
    for address, symbol in table if wanted else ():
        if (function := symbol.partition(".")[0]) in wanted:
            places.setdefault(function, []).append(Probe(symbol, address))
    for name in names:
        if name not in places:
            raise BadInputError(
                f"--count {name}: {where} has no function of that name (possibly inlined)"
            )
    return [one for name in names for one in places[name]]


def resolve_locks(locks: Sequence[str], table: Table, where: str) -> list[Probe]:
    """Return, for every lock, the lock itself and the calls that take and release it.

    Raises BadInputError for a lock that is not there, and for a kernel that has a function of spin locks inlined: a release that
    is not recorded would make the lock look held.
    """
    addresses = _addresses(table, (*locks, *LOCK_FUNCTIONS, *RT_FUNCTIONS))
    functions = (*LOCK_FUNCTIONS, *(name for name in RT_FUNCTIONS if name in addresses))
    found = []
    for lock in locks:
        for name in (lock, *LOCK_FUNCTIONS):
            if name not in addresses:
                what = "lock of that name" if name == lock else f"{name}: it is inlined there"
                raise BadInputError(f"--probe-lock {lock}: {where} has no {what}")
        found.append(Probe(lock, addresses[lock]))
        found += [Probe(name, addresses[name], addresses[lock]) for name in functions]
    return found


@dataclass(frozen=True)
class Defaults:
    """The probes that every run has. ``missing`` says, by function or lock, why there is none on it."""

    watched: tuple[Probe, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the functions and locks, without the functions that take and release a lock."""
        return tuple(one.name for one in self.watched if one.argument is None)


def defaults(
    asked: Sequence[Probe],
    table: Table,
    where: str,
    no_symbols: str,
    requests: Collection[str] = (),
    locks: Collection[str] = (),
) -> Defaults:
    """Return probes on accept_memory() and its lock, besides those ``asked`` for; a kernel that lacks one goes without.

    ``no_symbols`` says why ``table`` is empty; ``requests`` are functions that the kernel's series added and that stand for
    accept_memory(), ``locks`` such locks.
    """
    have = {one.name for one in asked}
    watched: list[Probe] = []
    missing: dict[str, str] = {}
    functions = [(name, resolve) for name in (accept_arguments.FUNCTION, *requests)]
    for name, find in (*functions, *((name, resolve_locks) for name in (UNACCEPTED_LOCK, *locks))):
        if name in have:
            continue
        try:
            watched += find([name], table, where)
        except BadInputError as error:
            missing[name] = no_symbols or str(error).partition(": ")[2]
    return Defaults(tuple(watched), missing)


def with_names(probes: Sequence[Probe], kernel: Kernel) -> list[Probe]:
    """Return the probes with the names of their arguments, as far as the kernel or its release tells."""
    function = accept_arguments.FUNCTION
    told: tuple[str, ...] = ()
    if any(probe.name == function for probe in probes):
        told = parameters_in(kernel.image, function, cache() / "symbols", kernel.sha256)
    return [
        replace(
            probe,
            names=kernel.requests.get(probe.name)
            or accept_arguments.arguments(probe.name, kernel.version, told),
        )
        for probe in probes
    ]


def in_two_kernels(
    first: Sequence[Probe], locks: Collection[str], table: Table, kernel: Kernel
) -> tuple[list[Probe], dict[str, str]]:
    """Return the probes of a run whose second kernel is another one, with `table` as its symbols, and why it lacks some of them.

    `locks` are the names among them that are locks.
    """
    found: list[Probe] = []
    missing = {}
    for name in (one.name for one in first if one.argument is None):
        try:
            find = resolve_locks if name in locks else resolve
            found += find([name], table, "the second kernel")
        except BadInputError as error:
            missing[f"second: {name}"] = str(error).partition(": ")[2]
    others = with_names(found, kernel)
    return [replace(one, kernel=FIRST) for one in first] + [
        replace(one, kernel=SECOND) for one in others
    ], missing


def write(probes: Sequence[Probe], path: Path, counts: Sequence[Probe] = ()) -> None:
    """Write the lists as the emulator reads them: name, address and, if it matters, first argument, a line each.

    A line `second` is between those of the first kernel and those of another second one, a line `count` before functions whose
    executions are counted, which are of the first kernel alone where there is a line `second`.
    """
    second = [probe for probe in probes if probe.kernel == SECOND]
    lines = [_line(probe) for probe in probes if probe.kernel != SECOND]
    if any(probe.kernel for probe in (*probes, *counts)):
        lines += ["second\n", *(_line(probe) for probe in second)]
    if counts:
        lines += ["count\n", *(_line(one) for one in counts)]
    path.write_text("".join(lines))


def _line(probe: Probe) -> str:
    words = [probe.name, f"{probe.address:#x}"]
    if probe.argument is not None:
        words.append(f"{probe.argument:#x}")
    return " ".join(words) + "\n"
