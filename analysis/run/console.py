# SPDX-License-Identifier: GPL-2.0-only
"""What the guest printed: the counters of its init, and the lines that say that it went wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.records import record
from acceptlab.analysis.regular_files import open_regular
from acceptlab.analysis.run.ktap import KtapReader, KtapResults
from acceptlab.analysis.run.last_words import LastWords
from acceptlab.analysis.run.trouble import Collector, Shortage, Trouble

KIB = 1024
MOST_CONSOLE = 256 << 20
"""Bytes of a console.log: a serial line of 115,200 baud takes six hours for them."""
_LONGEST = KIB
"""Bytes of a line that are read at once: what printk() formats ends there (PRINTKRB_RECORD_MAX)."""
_MEMINFO = re.compile(
    r"ACCEPTLAB meminfo MemTotal=(\d+) Unaccepted=(\d+|none) nr_unaccepted=(\d+|none)(?:.* label=(\w+))?"
)
_EJECT_FAILED = ": Eject incomplete"
_NODE = re.compile(r"ACCEPTLAB node=(\d{1,4}) Unaccepted=(\d{1,16}) label=(\w+)")


@record(frozen=True)
class Meminfo:
    """One report of the guest's init, in bytes; None where the kernel has no such line."""

    label: str
    total: int
    unaccepted: int | None
    nr_unaccepted: int | None


@record(frozen=True)
class NodeCount:
    """What a guest's init reported of one NUMA node: bytes that are unaccepted."""

    label: str
    node: int
    unaccepted: int


@record(frozen=True)
class Console:
    """What was found in console.log."""

    present: bool = False
    userspace: bool = False
    done: bool = False
    eject_failed: bool = False
    """Whether the kernel said that memory which it ejected is still there (Linux, drivers/acpi/scan.c)."""
    meminfo: list[Meminfo] = field(default_factory=list)
    nodes: list[NodeCount] = field(default_factory=list)
    trouble: list[Trouble] = field(default_factory=list)
    shortage: Shortage | None = None
    last_words: LastWords = field(default_factory=LastWords)
    tests: KtapResults | None = None


def read_console(path: Path, log: Sequence[str] = ()) -> Console:
    """Parse a console log of any size, line by line; a missing file is an absent console.

    ``log`` are the kernel's last messages as the emulator found them in memory, which need not have reached the console.
    """
    if not path.exists():
        return Console()
    userspace = done = eject_failed = False
    meminfo: list[Meminfo] = []
    nodes: list[NodeCount] = []
    collector, words, tests = Collector(), LastWords(), KtapReader()
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > MOST_CONSOLE:
            raise BadInput(
                f"{path} is larger than {MOST_CONSOLE >> 20} MiB: no guest of a run prints so much"
            )
        while raw := file.readline(_LONGEST):
            line = raw.decode("utf-8", errors="replace")
            userspace = userspace or "ACCEPTLAB userspace" in line
            done = done or "ACCEPTLAB done" in line
            eject_failed = eject_failed or _EJECT_FAILED in line
            if found := _MEMINFO.search(line):
                meminfo.append(_meminfo(found))
            elif found := _NODE.search(line):
                nodes.append(NodeCount(found[3], int(found[1]), int(found[2]) * KIB))
            else:
                collector.read(line)
                words.read(line)
                tests.read(line)
    for line in log:
        collector.read_log(line)
        words.read(line)
    troubles = list(collector.troubles.values())
    return Console(
        present=True,
        userspace=userspace,
        done=done,
        eject_failed=eject_failed,
        meminfo=meminfo,
        nodes=nodes,
        trouble=troubles,
        shortage=collector.shortage,
        last_words=words,
        tests=tests.tests,
    )


def _meminfo(found: re.Match[str]) -> Meminfo:
    total, unaccepted, pages, label = found.groups()
    return Meminfo(
        label=label or "",
        total=int(total) * KIB,
        unaccepted=None if unaccepted == "none" else int(unaccepted) * KIB,
        nr_unaccepted=None if pages == "none" else int(pages) * 4 * KIB,
    )
