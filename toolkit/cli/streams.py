# SPDX-License-Identifier: GPL-2.0-only
"""Standard output and error: no control character of somebody else's text reaches the terminal, and a reader may leave early.

A guest's console, a trace, a mail or a file's name can hold a terminal's escape sequences. All that is printed goes through
here and has them escaped; only rich, which draws colours and progress itself, writes past it (`rich_proxied_file`).
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from acceptlab.analysis.printable import shown_lines


class _Unread(io.FileIO):
    """A descriptor that becomes /dev/null when its reader closes it."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            return len(data)


class _Printable(io.TextIOWrapper):
    """A text stream that escapes what is not printable."""

    rich_proxied_file: io.TextIOWrapper
    """The stream without that, where rich looks for it (rich.console.Console.file)."""

    def write(self, text: str, /) -> int:
        super().write(shown_lines(text))
        return len(text)


@contextmanager
def unbroken_pipes() -> Iterator[None]:
    """Let the command end with the exit code of what it found, whether or not anybody reads what it prints."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_unbroken(stream) for stream in before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            getattr(stream, "rich_proxied_file", stream).flush()
            stream.flush()
        sys.stdout, sys.stderr = before


def _unbroken(stream: Any) -> Any:
    """Return a stream like this one; the same where it is none of the system's (closed, or captured by a test)."""
    try:
        raw = _Unread(stream.fileno(), "wb", closefd=False)
    except (AttributeError, ValueError, OSError):
        return stream
    binary = io.BufferedWriter(raw)
    # Both write through to one buffer, so that what is printed first comes out first.
    how = (stream.encoding, stream.errors, None, stream.isatty(), True)
    printable = _Printable(binary, *how)
    printable.rich_proxied_file = io.TextIOWrapper(binary, *how)
    return printable
