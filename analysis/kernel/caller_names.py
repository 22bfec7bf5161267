# SPDX-License-Identifier: GPL-2.0-only
"""How sure the name of an event's caller is, and how tables show that.

A name that may be wrong is marked ``~name``; an address to which no call returns has no name at all.
"""

from __future__ import annotations

from acceptlab.analysis.run.run_info import NOT_KNOWN
from acceptlab.analysis.trace.schema import CallerHow

BEST_EFFORT = "~"
"""Stands before the name of a caller that may be another one."""
MARK_MEANS = f"{BEST_EFFORT}name: found on the stack; it may have been another function"
_SURE = frozenset({CallerHow.EXACT, CallerHow.BY_CALL})


def is_sure(how: int) -> bool:
    """Whether the caller was found by more than a look at what lies on the stack; of old traces nobody knows."""
    return how in _SURE


def is_implausible(how: int) -> bool:
    """Whether no call returns to the address, so that it names nobody."""
    return how == CallerHow.GUESS


def marked(name: str, how: int) -> str:
    """Return the name of a caller as tables show it: ``name``, ``~name`` or "not known"."""
    if is_implausible(how):
        return NOT_KNOWN
    return name if is_sure(how) or not name else f"{BEST_EFFORT}{name}"
