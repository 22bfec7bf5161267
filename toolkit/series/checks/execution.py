# SPDX-License-Identifier: GPL-2.0-only
"""Whether the boots of a check executed what a patch touches: function by function, by platform and stage.

Nothing here is a problem: code may have good reasons not to run in these boots. A reader is to see what a clean verdict is about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel.kernel_facts import STARTUP_PREFIXES
from acceptlab.analysis.kernel.symbols import load_symbols
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.series.checks.problems import FunctionUse, Step
from acceptlab.toolkit.series.touched import Touched

NAME = "executed"
INLINED = "inlined, or not in this kernel"
BEFORE = "of the decompressor or the EFI stub"
NO_KERNEL = "not part of the kernel"
EARLY = "executed before the kernel is mapped, if at all"
_OTHER_PROGRAMS = ("arch/x86/boot/compressed/", "drivers/firmware/efi/libstub/")
"""Folders of code that is linked into the programs that start vmlinux."""
_HOST_PROGRAMS = ("tools/", "scripts/", "samples/")
"""Folders of code that no kernel has in it; a function of the same name may be in the kernel, too."""
_TEXT = ("_text", "_stext")
"""Where the kernel's image begins, and its text proper (arch/x86/kernel/vmlinux.lds.S)."""


@dataclass(frozen=True)
class Functions:
    """Functions of a kernel: those with a symbol, and among them those that run at identity-mapped addresses at first."""

    names: frozenset[str]
    early: frozenset[str]


def functions_of(kernel: str) -> Functions | None:
    """Return the functions of a kernel of the cache by its symbols; None where it has none."""
    found = resolve(kernel)
    try:
        symbols = load_symbols(found.image, cache=cache() / "symbols", sha256=found.sha256)
    except BadInput:
        return None
    return of_table([(address, name) for address, _, name in symbols.table()])


def of_table(table: Sequence[tuple[int, str]]) -> Functions:
    """Return the functions of a table of symbols; gcc's parts and clones (NAME.cold, NAME.isra.0) count as the function.

    Code of arch/x86/boot/startup/ has a prefix, before 6.16 it lies between _text and _stext (.head.text).
    """
    prefixes = tuple(in_force(STARTUP_PREFIXES))
    begin, end = (next((a for a, name in table if name == mark), 0) for mark in _TEXT)
    names = frozenset(name.partition(".")[0] for _, name in table)
    early = {name.partition(".")[0] for address, name in table if begin <= address < end}
    early |= {name.removeprefix(one) for name in names for one in prefixes if name.startswith(one)}
    return Functions(names, frozenset(early))


def countable(functions: Sequence[Touched], kernel: Functions | None) -> tuple[str, ...]:
    """Return which of the functions a run can count, once each."""
    known = kernel.names if kernel else frozenset[str]()
    names = (one.function for one in functions if _other_program(one) == "")
    return tuple(dict.fromkeys(name for name in names if name in known))


def counted(folder: Path) -> dict[str, dict[str, int]]:
    """Return what a run counted, by function and stage; empty where run.json has nothing of it."""
    try:
        report: dict[str, Any] = json.loads((folder / "run.json").read_text())["report"] or {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    found: dict[str, dict[str, int]] = {}
    for one in report.get("counts", []):
        stages = found.setdefault(one["name"].partition(".")[0], {})
        for stage, times in one["executed"].items():
            stages[stage] = stages.get(stage, 0) + times
    return found


def step_of(
    functions: Sequence[Touched], kernel: Functions | None, folders: Mapping[str, Path]
) -> Step:
    """Return the step for a patch, from the run folders of its kernel by platform."""
    if not functions:
        return Step(NAME, note="the patch touches no function", skipped=True)
    if kernel is None or not folders:
        why = "no boot was recorded" if kernel else "the kernel's symbols were not found"
        return Step(NAME, note=why, skipped=True)
    counts = {platform: counted(folder) for platform, folder in folders.items()}
    uses = tuple(_use(one, kernel, counts) for one in functions)
    done = sum(1 for one in uses if one.executed)
    unseen = sum(1 for one in uses if one.unseen)
    parts = [f"{done} of {len(uses)} functions executed"]
    parts += [f"{len(uses) - done - unseen} not executed"] if len(uses) > done + unseen else []
    parts += [f"{unseen} not seen"] if unseen else []
    return Step(NAME, note=", ".join(parts), functions=uses)


def _use(
    one: Touched, kernel: Functions, counts: Mapping[str, Mapping[str, Mapping[str, int]]]
) -> FunctionUse:
    if other := _other_program(one):
        return FunctionUse(one.function, one.file, {}, other)
    if one.function not in kernel.names:
        return FunctionUse(one.function, one.file, {}, INLINED)
    by_platform = {name: dict(found.get(one.function, {})) for name, found in counts.items()}
    executed = {name: stages for name, stages in by_platform.items() if stages}
    unseen = EARLY if not executed and one.function in kernel.early else ""
    return FunctionUse(one.function, one.file, executed, unseen)


def _other_program(one: Touched) -> str:
    if one.file.startswith(_HOST_PROGRAMS):
        return NO_KERNEL
    return BEFORE if one.file.startswith(_OTHER_PROGRAMS) else ""
