# SPDX-License-Identifier: GPL-2.0-only
"""Who is kept waiting by an accept: told by the kernel functions that it happens in.

kernel_facts.WAITERS has their names. A function that is not listed is not classified.
"""

from __future__ import annotations

import re
from enum import StrEnum

from acceptlab.analysis.kernel.kernel_facts import WAITERS
from acceptlab.analysis.kernel.versions import in_force


class Where(StrEnum):
    """What an accept held up."""

    FAULT = "page fault"
    ALLOCATION = "allocation"
    EARLY = "early boot"
    BACKGROUND = "background"
    CONVERSION = "conversion"
    UNKNOWN = "not known"


MEANING = {
    Where.FAULT: "a task waits in a page fault",
    Where.ALLOCATION: "a task waits for memory, inline",
    Where.EARLY: "boot waits: decompressor, memblock, the first page tables",
    Where.BACKGROUND: "a kernel thread or deferred initialization; no task waits for this page",
    Where.CONVERSION: "pages are converted from shared to private",
    Where.UNKNOWN: "neither probes nor the caller's name show the reason",
}

_COMPILED: dict[Where, re.Pattern[str]] = {
    where: re.compile("|".join(one.functions for one in in_force(WAITERS) if one.where == where))
    for where in Where
    if where != Where.UNKNOWN
}
_SUFFIX = re.compile(r"(\.(isra|constprop|part|cold|llvm)\.?\d*.*|_noprof)$")
ENCLOSING = (Where.FAULT, Where.BACKGROUND, Where.CONVERSION, Where.ALLOCATION, Where.EARLY)
"""The outermost that is true decides: an allocation in a page fault keeps the fault waiting."""


def where_of(function: str) -> Where:
    """What a function's accepts hold up, by its name as symbol tables have it."""
    name = _SUFFIX.sub("", _SUFFIX.sub("", function.split("+")[0]))
    for where in ENCLOSING:
        if _COMPILED[where].fullmatch(name):
            return where
    return Where.UNKNOWN
