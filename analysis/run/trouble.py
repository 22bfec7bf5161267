# SPDX-License-Identifier: GPL-2.0-only
"""Lines of a console that say that the guest went wrong: the one list for the verdict of a run and for the check of a series.

A pattern describes how Linux prints its message, not a word of it: "Spectre V2 : WARNING: ..." is advice, "WARNING: CPU: 0 PID: 1 at ..."
is a warning of the kernel about itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from acceptlab.analysis.records import record

OUT_OF_MEMORY = "the kernel ran out of memory"
NO_PAGES = "the kernel failed to allocate memory"
LOCKUP = "a CPU was locked up"
HUNG = "a task hung"
RCU_STALL = "RCU stalled"
LOCKDEP = "lockdep found a bug or was turned off"
SANITIZER = "a kernel sanitizer found a bug"
ACCEPT = "the kernel failed to accept memory"
EXCEPTION = "the kernel did not handle a #VC or #VE"
PANIC = "the kernel panicked"
OOPS = "the kernel oopsed"
BUG = "the kernel reported a bug"
WARNING = "the kernel printed a warning"
MSR = "the kernel accessed an MSR that faults"
KUNIT = "a kernel test failed"
WORKLOAD = "a workload failed"
NOT_RUN = "a workload did not run"

LISTED_LINES = 3
"""Lines of one kind that are quoted; all are counted."""
_LINES = 8
"""Answers about lines that are remembered: the collector of trouble and that of last words look at the same one."""
LONGEST_LINE = 300
"""Characters of a line that are quoted."""

_PATTERNS = (
    (
        OUT_OF_MEMORY,
        ("oom-kill", "ut of memory", "deadlocked on memory"),
        r"\binvoked oom-killer: |\boom-kill:constraint=|\bOut of memory\b.*: (?:Killed process|Kill process|kill process|compulsory)"
        r"|\bMemory cgroup out of memory: |\bOut of memory and no killable processes|\bSystem is deadlocked on memory",
    ),
    (
        NO_PAGES,
        (
            "page allocation ",
            "vmap allocation for",
            "vmalloc error: ",
            "Unable to allocate memory",
            "percpu: allocation failed",
        ),
        r"\bpage allocation failure: order:\d|\bpage allocation stalls for \d|\bvmap allocation for size \d+ failed"
        r"|\bvmalloc error: size \d|\bSLUB: Unable to allocate memory on |\bpercpu: allocation failed, ",
    ),
    (
        LOCKUP,
        ("lockup", "LOCKUP"),
        r"\bsoft lockup - CPU#\d|\bhard LOCKUP\b|\bworkqueue lockup - pool\b",
    ),
    (
        HUNG,
        ("INFO: task ", "hung_task: "),
        r"\bINFO: task .+ blocked (?:in I/O wait )?for more than \d+ seconds|\bhung_task: blocked tasks",
    ),
    (
        RCU_STALL,
        ("rcu",),
        r"\brcu\w*\b.*detected (?:expedited )?stalls?\b|\brcu\w*: .*kthread (?:starved for|timer wakeup didn't happen for) \d",
    ),
    (
        LOCKDEP,
        (
            "locking correctness",
            "INFO: ",
            "DEBUG_LOCKS_WARN_ON",
            "BUG: ",
            "suspicious RCU usage",
            "WARNING: ",
        ),
        r"\bturning off the locking correctness validator|\bINFO: lockdep is turned off|\bINFO: trying to register non-static key"
        r"|\bDEBUG_LOCKS_WARN_ON\(|\bBUG: (?:MAX_LOCKDEP|MAX_STACK_TRACE|Invalid wait context)|\bsuspicious RCU usage\b"
        r"|\b(?:WARNING|INFO): (?:possible |inconsistent lock state|bad unlock balance|bad contention|held lock freed"
        r"|lock held when returning|Nested lock was not taken|.*lock order)",
    ),
    (SANITIZER, ("SAN: ", "KFENCE: "), r"\b(?:KASAN|KCSAN|KMSAN|KFENCE|UBSAN): "),
    (
        ACCEPT,
        ("accept memory", "Failed to validate address", "EPT-violation"),
        r"\b(?:Failed|Cannot) (?:to )?accept memory\b|\bFailed to validate address 0x|\bUnexpected EPT-violation on private memory",
    ),
    (
        EXCEPTION,
        ("exit-code", "#V", "VE fault: "),
        r"\bUnsupported exit-code 0x|\bFailure in communication with VMM \(exit-code|\bFailed to decode instruction \(exit-code"
        r"|\bUnsupported exception in #VC|\b[Uu]nhandled #V[CE]\b|\bUnexpected #VE: \d|\bVE fault: [0-9a-f]{4}",
    ),
    (PANIC, ("Kernel panic",), r"(?<!\[ end )Kernel panic - not syncing"),
    (
        OOPS,
        (
            "Oops: ",
            " [#",
            "general protection fault",
            "PANIC: ",
            "BUG: ",
            "unable to handle kernel ",
        ),
        r"\bOops: |: [0-9a-f]{4} \[#\d+\]|\bgeneral protection fault, |\bPANIC: |\bBUG: (?:unable to handle|kernel NULL pointer)"
        r"|\bunable to handle kernel ",
    ),
    (BUG, ("BUG",), r"\bBUG: |\bkernel BUG at "),
    (MSR, ("unchecked MSR",), r"\bunchecked MSR access error: "),
    (
        WARNING,
        ("WARNING: ",),
        r"\bWARNING: (?:CPU: \d|(?:\S+:\d+ )?at |stack |kernel stack |unrecognized unwind )",
    ),
    (KUNIT, ("not ok ",), r"^\s*not ok \d+\b(?!.*# (?:SKIP|TODO))"),
    (NOT_RUN, ("ACCEPTLAB workload ",), r"^ACCEPTLAB workload \S+ unknown"),
    (WORKLOAD, ("ACCEPTLAB workload ",), r"^ACCEPTLAB workload \S+ end result=(?!ok\b)"),
)
"""Kind, texts of which a line of this kind has at least one (to look for them is quick), pattern."""
TITLES = frozenset(kind for kind, _, _ in _PATTERNS)
"""What findings from a console are called."""
ENDS_A_GUEST = frozenset((ACCEPT, EXCEPTION, PANIC, OOPS, BUG, WARNING))
"""What a guest prints that ends itself, as it has to when the host took its memory."""
_PREFIX = re.compile(r"^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[[^\]]*\])?\s?")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x20-\x7e]")
_FREE = re.compile(r"\bfree:(\d+) free_pcp:\d+")
_REQUEST = re.compile(r"\binvoked oom-killer: |\bpage allocation failure: ")
_SECOND_LOADED = re.compile(r"^ACCEPTLAB second kernel loaded for (\w+)")
_WORKLOAD = re.compile(r"^ACCEPTLAB workload (\w+) (begin|end result=(.*))")

_CRASH_ON_PURPOSE = "Kernel panic - not syncing: sysrq triggered crash"
"""What a kernel prints that is made to crash through /proc/sysrq-trigger (drivers/tty/sysrq.c)."""
_NO_MEMORY = ("Out of memory", "Cannot allocate memory")
"""ENOMEM, as musl and glibc print it."""
_CANNOT = (
    "Function not implemented",
    "No such device",
    "No such file or directory",
    "Operation not permitted",
    "Operation not supported",
    "Not supported",
    "Permission denied",
)
"""Errors by which a kernel says that it does not have, or does not allow, what a workload needs."""
_FROM_LOW_MEMORY = re.compile(r"\bGFP_DMA(?:32)?\b")


@record
class Trouble:
    """Lines of one kind. ``lines`` are the first ones, without the time; ``count`` is how many there are."""

    kind: str
    lines: list[str]
    count: int = 0


@record
class Shortage:
    """The first time that the kernel had no memory for a request that any memory may serve.

    ``free`` are bytes that the kernel called free then (Mem-Info), None where it did not print them.
    ``crashed``: it was a second kernel after a crash, which has the memory set apart for it alone.
    ``confirmed``: a later line did not say that it was the limit of a control group.
    """

    line: str
    free: int | None = None
    crashed: bool = False
    confirmed: bool = False


class Collector:
    """Reads a console line by line; ``troubles`` has what was found, by kind, ``shortage`` the first lack of memory."""

    def __init__(self) -> None:
        self.troubles: dict[str, Trouble] = {}
        self.shortage: Shortage | None = None
        self.seen: set[str] = set()
        self._loaded = ""
        self._second = False
        self._exhausts = False
        self._elsewhere = False

    def read(self, raw: str) -> bool:
        """Look at the next line; True when it means trouble that is not provoked on purpose."""
        line = message(raw)
        if line.startswith("ACCEPTLAB "):
            self._follow(line)
        elif self.shortage and self.shortage.free is None and (free := _FREE.search(line)):
            self.shortage.free = int(free[1]) * 4096
        kind = kind_of(line)
        if kind is None:
            return False
        self.seen.add(line)
        if kind in (OUT_OF_MEMORY, NO_PAGES):
            self._note_shortage(line)
        if self._is_wanted(kind, line):
            return False
        if kind == WORKLOAD and line.partition("result=")[2] in _CANNOT:
            kind = NOT_RUN
        found = self.troubles.setdefault(kind, Trouble(kind, []))
        found.count += 1
        if len(found.lines) < LISTED_LINES:
            found.lines.append(quoted(line))
        return True

    def read_log(self, raw: str) -> None:
        """Look at a line of the kernel's own log; what the console has already counts once."""
        if message(raw) not in self.seen:
            self.read(raw)

    def _follow(self, line: str) -> None:
        """Know what the guest is doing."""
        if loaded := _SECOND_LOADED.match(line):
            self._loaded = loaded[1]
        elif line == "ACCEPTLAB second userspace":
            self._second = True
        elif (workload := _WORKLOAD.match(line)) and workload[1] == "exhaust":
            self._exhausts = workload[2] == "begin"

    def _note_shortage(self, line: str) -> None:
        """Keep the first request that unaccepted memory could have served: none of a control group's limit, none for low memory."""
        if _REQUEST.search(line):
            self._elsewhere = bool(_FROM_LOW_MEMORY.search(line))
        if "CONSTRAINT_MEMCG" in line or "Memory cgroup" in line:
            self._elsewhere = True
            if self.shortage is not None and not self.shortage.confirmed:
                self.shortage = None
        elif self.shortage is not None:
            self.shortage.confirmed = True
        elif not self._elsewhere:
            certain = "invoked oom-killer" not in line
            self.shortage = Shortage(quoted(line), None, self._loaded == "kdump", certain)

    def _is_wanted(self, kind: str, line: str) -> bool:
        """Whether a workload provokes this on purpose: kdump its crash, exhaust that all memory is taken."""
        if kind == PANIC and self._loaded == "kdump" and not self._second:
            return _CRASH_ON_PURPOSE in line
        if kind == WORKLOAD and line.startswith("ACCEPTLAB workload exhaust "):
            return line.partition("result=")[2] in _NO_MEMORY
        return self._exhausts and kind in (OUT_OF_MEMORY, NO_PAGES)


@lru_cache(_LINES)
def message(raw: str) -> str:
    """Return a line of a console without control characters and what stands before the message: level, time, caller."""
    return _PREFIX.sub("", _CONTROL.sub("", raw).strip(), count=1).strip()


@lru_cache(_LINES)
def kind_of(line: str) -> str | None:
    """Return what kind of trouble a message means, None for none."""
    for kind, texts, pattern in _PATTERNS:
        for text in texts:
            if text in line:
                if _compiled(pattern).search(line):
                    return kind
                break
    return None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern when a line first needs it: most runs need few of them."""
    return re.compile(pattern)


def quoted(line: str) -> str:
    """Return a message as it is quoted: not too long."""
    return line[:LONGEST_LINE]


def scan(lines: Iterable[str]) -> Iterator[str]:
    """Return every message that means trouble and is not provoked on purpose, in order."""
    collector = Collector()
    return (message(raw) for raw in lines if collector.read(raw))
