# SPDX-License-Identifier: GPL-2.0-only
"""What is wrong with a guest by its own words: findings that break no invariant of acceptance."""

from __future__ import annotations

from acceptlab.analysis.invariants.verdict import GUEST, Finding
from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.unaccepted import BLOCK_SIZE, Remaining, remaining
from acceptlab.analysis.run.console import Console
from acceptlab.analysis.run.ktap import KUNIT_FILTER
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.run.trouble import NO_PAGES, NOT_RUN, OUT_OF_MEMORY, Trouble
from acceptlab.analysis.trace.coverage import EARLY, HANDOFF, RESULTS

NO_MEMORY = "allocations failed while memory was unaccepted"
_RULE = (
    "A guest that accepts its memory correctly prints no such message (Linux, "
    "Documentation/admin-guide/bug-hunting.rst)."
)
_NO_MEMORY_RULE = (
    "The page allocator accepts memory before it fails: no request that any zone can serve fails "
    "while more than one block of 4 MiB is unaccepted (Linux, mm/page_alloc.c, cond_accept_memory())."
)


def guest_findings(info: RunInfo, console: Console, states: PageStates) -> list[Finding]:
    """Findings from the console, each with its first line; ``states`` are the page states at the end of the run.

    A lack of memory is a finding of its own when memory was unaccepted. Nothing becomes unaccepted again, so
    what is unaccepted at the end was so at any time before.
    """
    findings = [_of(one) for one in console.trouble if one.kind != NOT_RUN]
    left = _unaccepted(info, console, states)
    if left is None:
        return findings
    rest = [one for one in findings if one.title not in (OUT_OF_MEMORY, NO_PAGES)]
    return [_no_memory(info, console, left), *rest]


def workloads_not_run(console: Console) -> list[str]:
    """Why a run that was to do something is not decided: lines about workloads that the kernel does not allow."""
    return [
        f"A workload could not be run: {line}."
        for one in console.trouble
        if one.kind == NOT_RUN
        for line in one.lines
    ]


def tests_without_result(info: RunInfo, console: Console) -> list[str]:
    """Why a run with tests of the kernel's is not decided: a plan that was not completed, or none of the tests that were asked for."""
    if console.tests and console.tests.missing:
        return [f"Of the tests that the console plans, {console.tests.missing} have no result."]
    if KUNIT_FILTER in info.command_line and not (console.tests and console.tests.results):
        return ["No test of the kernel's ran: it has no KUnit built in, or no suite of that name."]
    return []


def _of(one: Trouble) -> Finding:
    more = f" ({one.count:,} such lines)" if one.count > 1 else ""
    return Finding(
        GUEST,
        one.kind,
        f"The console says: {one.lines[0].rstrip('.')}{more}.",
        {"events": [], "lines": one.lines, "rule": _RULE},
        one.count,
    )


def _unaccepted(info: RunInfo, console: Console, states: PageStates) -> Remaining | None:
    """What was unaccepted when memory ran out, if there was a lack and the trace shows what was left.

    Linux holds back a block at most, for DMA. A kernel that was started by a crash, or with less memory than
    there is, may not use the rest.
    """
    shortage = console.shortage
    if shortage is None or shortage.crashed or {EARLY, HANDOFF, RESULTS} & set(info.absent):
        return None
    if "mem=" in info.command_line or "memmap=" in info.command_line:
        return None
    left = remaining(states, info.handoff.unaccepted)
    return left if left.least > BLOCK_SIZE else None


def _no_memory(info: RunInfo, console: Console, left: Remaining) -> Finding:
    assert console.shortage is not None
    whole = sum(size for _, size in info.handoff.unaccepted)
    accepted = whole - left.bytes
    free = console.shortage.free
    counted = [one for one in console.meminfo if one.unaccepted is not None]
    told = f", with {free >> 20} MiB free" if free is not None else ""
    kernel = ""
    if counted and counted[-1].unaccepted is not None:
        kernel = f"; the kernel counted {counted[-1].unaccepted >> 20} MiB unaccepted at '{counted[-1].label}'"
    evidence = {
        "events": [],
        "lines": [console.shortage.line],
        "unaccepted": left.bytes,
        "accepted": accepted,
        **({"free": free} if free is not None else {}),
        "rule": _NO_MEMORY_RULE,
    }
    why = (
        f"The console says: {console.shortage.line}. At the end of the run {left.bytes >> 20} MiB of the "
        f"{whole >> 20} MiB that firmware left unaccepted were still unaccepted and {accepted >> 20} MiB accepted{told}{kernel}."
    )
    return Finding(GUEST, NO_MEMORY, why, evidence)
