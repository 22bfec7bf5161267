# SPDX-License-Identifier: GPL-2.0-only
"""Entries of a recorded text, put in order of their time where the file has them in another.

Per-CPU buffers that were saved one behind the other, a file that somebody sorted by name, instances that were merged: the times tell
the order. A file in order is read in one go. At the first entry that is earlier than the one before, ``OutOfOrder`` is raised, and the
file is read again with ``sort``: in bounded memory, with sorted parts in a temporary file. Entries of one time keep their order.
"""

from __future__ import annotations

import heapq
import pickle
import tempfile
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

HELD = 1 << 16
"""Entries in memory at a time."""
_BLOCK = 1 << 10


class Entry(NamedTuple):
    """An entry of line ``line``: time (ns or instructions), vCPU, task, and what happened: ``what`` is a word of the reader's."""

    clock: int
    vcpu: int
    task: int
    what: str
    name: str
    fields: dict[str, str]
    line: int = 0


class OutOfOrder(Exception):  # noqa: N818  what it says, not an error of ours
    """The file has to be read again, to be sorted."""


class Ordered:
    """Passes entries on to ``take`` in order of time.

    ``say`` is called with what puts the order in doubt: entries that are there twice, a vCPU that goes back in time. Where
    ``may_go_back``, a vCPU may, as in a text that anybody's script wrote in whatever order.
    """

    def __init__(
        self, take: Callable[[Entry], None], say: Callable[[str], None], sort: bool
    ) -> None:
        self.may_go_back = False
        self._take = take
        self._say = say
        self._sort = sort
        self._last = 0
        self._of_vcpu: dict[int, int] = {}
        self._of_task: dict[tuple[int, int], Entry] = {}
        self._section: dict[int, int] = {}
        self._twice = 0
        self._goes_back = ""
        self._held: list[Entry] = []
        self._parts: list[IO[bytes]] = []

    def section(self) -> None:
        """Note that a recording begins, the first or another one. One of other vCPUs than those before is of the same recording."""
        self._section = dict.fromkeys(self._of_vcpu, 0)

    def take(self, entry: Entry) -> None:
        """The next entry of the file. Raises OutOfOrder."""
        if entry.clock < self._last and not self._sort:
            raise OutOfOrder
        self._last = entry.clock
        self._check_vcpu(entry)
        if not self._sort:
            self._pass_on(entry)
            return
        self._held.append(entry)
        if len(self._held) >= HELD:
            self._parts.append(_written(sorted(self._held, key=_time)))
            self._held = []

    def finish(self) -> None:
        """Pass on what is held; say how many entries are there twice."""
        parts = [_read(part) for part in self._parts]
        for entry in heapq.merge(*parts, sorted(self._held, key=_time), key=_time):
            self._pass_on(entry)
        for part in self._parts:
            part.close()
        self._held, self._parts = [], []
        if self._twice:
            self._say(
                f"{self._twice} of the entries occur twice: the file contains a recording twice, or those of two instances"
            )
        if self._goes_back:
            self._say(self._goes_back)

    def _check_vcpu(self, entry: Entry) -> None:
        if self._section.pop(entry.vcpu, None) is not None:
            self._say(f"two recordings in one file: vCPU {entry.vcpu} is in both")
        if entry.clock < self._of_vcpu.get(entry.vcpu, 0) and not self.may_go_back:
            self._goes_back = self._goes_back or (
                f"line {entry.line}: the clock of vCPU {entry.vcpu} goes back, so the order of the events is not certain"
            )
        self._of_vcpu[entry.vcpu] = entry.clock

    def _pass_on(self, entry: Entry) -> None:
        """Leave out what is there twice: one task on one vCPU does nothing twice at one time."""
        key = (entry.vcpu, entry.task)
        before = self._of_task.get(key)
        if before is not None and before[:-1] == entry[:-1]:
            self._twice += 1
            return
        if len(self._of_task) >= HELD:
            self._of_task.clear()
        self._of_task[key] = entry
        self._take(entry)


def _time(entry: Entry) -> int:
    return entry.clock


def _written(entries: list[Entry]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed by Ordered.finish
    for start in range(0, len(entries), _BLOCK):
        pickle.dump(entries[start : start + _BLOCK], file)
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> Iterator[Entry]:
    while True:
        try:
            yield from pickle.load(file)
        except EOFError:
            return
