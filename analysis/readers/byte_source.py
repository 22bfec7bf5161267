# SPDX-License-Identifier: GPL-2.0-only
"""A recorded file as a stream of bytes, decompressed on the way (gzip, xz, zstd), in bounded memory."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import zstandard

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.readers.damage import Damaged
from acceptlab.analysis.readers.ordered import OutOfOrder

PIECE = 1 << 12
"""Compressed bytes given to a decompressor at a time: bounds what one call may give back, and
what a damaged piece costs."""
_READ = 1 << 18
_GZIP = 16 + zlib.MAX_WBITS

Progress = Callable[[int, int], None]


class _Decompressor(Protocol):
    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes, /) -> bytes: ...


def _zstd() -> Any:
    return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()


_MAGIC: dict[bytes, tuple[str, Callable[[], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda: zlib.decompressobj(_GZIP)),
    b"\xfd7zXZ\x00": ("xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=256 << 20)),
    b"\x28\xb5\x2f\xfd": ("zstd", _zstd),
}


class Opened:
    """The content of a file; ``read`` and ``peek`` give decompressed bytes.

    ``compression`` is its name, or None. ``progress`` is called with (bytes of the file done, bytes
    in all). ``file`` is read instead of ``path``, as it is, when it is given. Raises BadInput when the file cannot be opened, Damaged where decompression fails, once
    all that came before has been read.
    """

    def __init__(
        self, path: Path, progress: Progress | None = None, file: BinaryIO | None = None
    ) -> None:
        self.path = path
        self._given = file
        self._progress = progress
        self._ready = b""
        self._pieces = b""
        self._damage: str | None = None
        self._done = 0

    def __enter__(self) -> Self:
        self.compression: str | None = None
        self._fresh: Callable[[], Any] | None = None
        self._decompressor: _Decompressor | None = None
        self._size = 0
        if self._given is not None:
            self._file = self._given
            return self
        try:
            self._size = self.path.stat().st_size
            self._file = self.path.open("rb")
            head = self._file.read(8)
            self._file.seek(0)
        except OSError as error:
            raise BadInput(f"cannot read {self.path}: {error.strerror or error}") from error
        for magic, (name, fresh) in _MAGIC.items():
            if head.startswith(magic):
                self.compression, self._fresh = name, fresh
                self._decompressor = fresh()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()

    def again(self) -> Opened:
        """The same file from its beginning, to be entered. Raises OutOfOrder for a pipe, which is gone."""
        if self._given is not None:
            raise OutOfOrder
        return Opened(self.path, self._progress)

    def peek(self, size: int) -> bytes:
        """The next ``size`` bytes, or what is left of them, without taking them."""
        while len(self._ready) < size and (more := self._more()):
            self._ready += more
        return self._ready[:size]

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; none at the end. Raises Damaged at the end of a damaged file."""
        data = self._ready or self._more()
        self._ready = data[size:]
        if not data and self._damage is not None:
            raise Damaged(self._damage)
        return data[:size]

    def read_whole(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the end of what can be read. Raises Damaged after that."""
        parts: list[bytes] = []
        try:
            while size and (part := self.read(size)):
                parts.append(part)
                size -= len(part)
        except Damaged:
            if not parts:
                raise
        return b"".join(parts)

    def _more(self) -> bytes:
        if self._fresh is None:
            return self._raw()
        while self._damage is None:
            if not self._pieces:
                self._pieces = self._raw()
            piece, self._pieces = self._pieces[:PIECE], self._pieces[PIECE:]
            if not piece:
                return self._at_end()
            if data := self._decompress(piece):
                return data
        return b""

    def _decompress(self, piece: bytes) -> bytes:
        """What ``piece`` gives; behind the end of one compressed part the next may follow."""
        if self._decompressor is None and self._fresh is not None:
            self._decompressor = self._fresh()
        assert self._decompressor is not None
        try:
            data = self._decompressor.decompress(piece)
        except (zlib.error, lzma.LZMAError, zstandard.ZstdError, MemoryError) as error:
            where = self._done - len(self._pieces)
            self._damage = f"the {self.compression} data is damaged near byte {where}: {error}"
            return b""
        if self._decompressor.eof:
            self._pieces = self._decompressor.unused_data + self._pieces
            self._decompressor = None
        return data

    def _at_end(self) -> bytes:
        if self._decompressor is not None:
            self._damage = f"the {self.compression} data breaks off at byte {self._done}"
        return b""

    def _raw(self) -> bytes:
        try:
            data = self._file.read(_READ)
        except OSError as error:
            self._damage = f"cannot read on at byte {self._done}: {error.strerror or error}"
            return b""
        self._done += len(data)
        if self._progress is not None:
            self._progress(self._done, self._size)
        return data
