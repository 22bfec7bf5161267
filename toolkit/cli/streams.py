# SPDX-License-Identifier: GPL-2.0-only
"""Standard output and error whose reader may go before we are done (`| head`, `| true`): what is left is not written, and no more."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class _Unread(io.FileIO):
    """A descriptor that turns into /dev/null when nobody reads it any more."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            return len(data)


@contextmanager
def unbroken_pipes() -> Iterator[None]:
    """Let the command end with the exit code of what it found, whether or not anybody reads what it prints."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_unbroken(stream) for stream in before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        sys.stdout, sys.stderr = before


def _unbroken(stream: Any) -> Any:
    """Return a stream like this one; the same where it is none of the system's (closed, or captured by a test)."""
    try:
        raw = _Unread(stream.fileno(), "wb", closefd=False)
    except (AttributeError, ValueError, OSError):
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=stream.isatty(),
        write_through=stream is sys.stderr,
    )  # fmt: skip
