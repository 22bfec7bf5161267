# SPDX-License-Identifier: GPL-2.0-only
"""The exit codes of every command, and which of several counts."""

from __future__ import annotations

from collections.abc import Iterable

CLEAN = 0
FINDINGS = 1
"""Something is wrong with the guest, or with what was checked."""
BAD_INPUT = 2
"""Wrong usage, or a file that is not usable."""
MACHINE = 3
"""This machine lacks something."""
UNDECIDED = 4
"""Nothing wrong was seen, and not all that matters could be seen."""
FAULT = 5
"""acceptlab itself failed; a log has the traceback."""
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

OF_VERDICT = {"clean": CLEAN, "findings": FINDINGS, "undecided": UNDECIDED}
RECORDED = (CLEAN, FINDINGS, UNDECIDED)
"""Codes of a command that did what it was to do, whatever came of it."""
_WEIGHT = (CLEAN, UNDECIDED, MACHINE, BAD_INPUT, FINDINGS, FAULT, INTERRUPTED)


def of_run(verdict: str, outcome: str) -> int:
    """The code of a run that was made and judged: one that did not reach userspace is never better than FINDINGS."""
    return OF_VERDICT[verdict] if outcome == "userspace" else FINDINGS


def heaviest(codes: Iterable[int]) -> int:
    """The code of several things done by one command; CLEAN of none. Findings outweigh what could not be made."""
    return max(codes, key=_WEIGHT.index, default=CLEAN)
