# SPDX-License-Identifier: GPL-2.0-only
"""Whether a trace.dat is whole: ``trace-cmd report`` prints what it finds and says nothing of the rest.

Versions 6 and 7, as trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5) describe them: version 6 names the place of every CPU's
data, version 7 is a row of sections up to the end of the file.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.readers.damage import Damaged

MAGIC = b"\x17\x08\x44tracing"
_LONGEST_NAME = 256
_OPTIONS, _BUFFER, _STRINGS, _DONE = 0, 3, 15, 0
_COMPRESSED = 1
_MOST_CPUS = 1 << 13


def check(path: Path) -> None:
    """Raises Damaged where a trace.dat ends too early, BadInput for what is no trace.dat of a known version."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise BadInput(f"{path} is not a trace.dat file")
            _Walk(file, size).check()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error


@dataclass(frozen=True)
class Tables:
    """Where a file of version 6 has the place and size of a CPU's data, for each; its byte order, and the size of a page of data."""

    places: tuple[int, ...]
    order: str
    page: int


def cpu_tables(path: Path) -> Tables:
    """Find them in a file that may break off behind them. Raises Damaged when it does so before, or is of another version."""
    with path.open("rb") as file:
        walk = _Walk(file, path.stat().st_size)
        file.seek(len(MAGIC))
        try:
            walk.check()
        except Damaged:
            if not walk.tables:
                raise
        return Tables(tuple(walk.tables), walk.order, walk.page)


class _Walk:
    """Goes through a file from part to part and never beyond its end."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self.order = "<"
        self.page = 0
        self.tables: list[int] = []

    def check(self) -> None:
        version = self._text()
        endian = self._take(2)[0]
        self.order = ">" if endian == 1 else "<"
        (self.page,) = self._numbers("I")
        if version == "6":
            self._version_6()
        elif version == "7":
            self._version_7()
        else:
            raise Damaged(f"trace.dat of version {version[:8]!r}: only 6 and 7 are supported")

    def _version_7(self) -> None:
        self._text()  # compression: name, version
        self._text()
        (first_options,) = self._numbers("Q")
        self._has(first_options, 1)
        named = has_names = False
        while self._file.tell() < self._size:
            kind, _, name, size = self._numbers("HHIQ")
            self._skip(size)
            named, has_names = named or name > 0, has_names or kind == _STRINGS
        self._follow(first_options)
        if named and not has_names:
            raise Damaged(f"breaks off at byte {self._size}: the names of its parts are missing")

    def _follow(self, options: int) -> None:
        """Go from options to options, each of which says where the next are: 0 at the end."""
        seen = {0}
        while options not in seen:
            seen.add(options)
            self._has(options, 1)
            self._file.seek(options)
            kind, flags, _, size = self._numbers("HHIQ")
            if kind != _OPTIONS:
                raise Damaged(
                    f"byte {options}: options are missing, although the header announces them"
                )
            if flags & _COMPRESSED:
                return
            options = self._next_options(self._file.tell() + size)

    def _next_options(self, end: int) -> int:
        while self._file.tell() < end:
            option, size = self._numbers("HI")
            if option == _DONE and size == 8:
                return self._numbers("Q")[0]
            self._skip(size)
        raise Damaged(f"byte {end}: options without the offset of the next ones")

    def _version_6(self) -> None:
        for _ in range(2):
            self._text()
            self._skip(self._numbers("Q")[0])
        self._formats()
        for _ in range(self._numbers("I")[0]):
            self._text()
            self._formats()
        for width in ("I", "I", "Q"):  # kallsyms, printk formats, command lines
            self._skip(self._numbers(width)[0])
        (cpus,) = self._numbers("I")
        buffers: list[int] = []
        kind = self._take(10)
        if kind == b"options  \0":
            buffers = self._options()
            kind = self._take(10)
        if kind != b"flyrecord\0":
            raise Damaged(f"byte {self._file.tell()}: trace.dat without a flyrecord")
        self._cpu_data(cpus)
        for offset in buffers:
            self._has(offset, 10)
            self._file.seek(offset)
            if self._take(10) == b"flyrecord\0":
                self._cpu_data(cpus)

    def _formats(self) -> None:
        for _ in range(self._numbers("I")[0]):
            self._skip(self._numbers("Q")[0])

    def _options(self) -> list[int]:
        """Skips the options; gives the places of the buffers of instances."""
        buffers = []
        while option := self._numbers("H")[0]:
            (size,) = self._numbers("I")
            data = self._take(8) if option == _BUFFER and size >= 8 else b""
            if data:
                buffers.append(struct.unpack(f"{self.order}Q", data)[0])
            self._skip(size - len(data))
        return buffers

    def _cpu_data(self, cpus: int) -> None:
        if cpus > _MOST_CPUS:
            raise Damaged(f"byte {self._file.tell()}: trace.dat of {cpus} CPUs")
        at = self._file.tell()
        self.tables += range(at, at + 16 * cpus, 16)
        for _ in range(cpus):
            self._has(*self._numbers("QQ"))

    def _has(self, offset: int, size: int) -> None:
        if offset + size > self._size:
            raise Damaged(f"breaks off at byte {self._size}, {offset + size} are needed")

    def _skip(self, size: int) -> None:
        self._has(self._file.tell(), size)
        self._file.seek(size, 1)

    def _take(self, size: int) -> bytes:
        self._has(self._file.tell(), size)
        return self._file.read(size)

    def _numbers(self, form: str) -> tuple[int, ...]:
        form = self.order + form
        return struct.unpack(form, self._take(struct.calcsize(form)))

    def _text(self) -> str:
        start = self._file.tell()
        text, end, _ = self._file.read(_LONGEST_NAME).partition(b"\0")
        if not end:
            raise Damaged(f"byte {start}: a name without an end")
        self._file.seek(start + len(text) + 1)
        return text.decode("utf-8", "replace")
