# SPDX-License-Identifier: GPL-2.0-only
"""What was once read out of a kernel, in files named by its checksum: to unpack a kernel and read its tables takes seconds.

A file begins with a line of the kind of its text and the text's checksum. A damaged file counts as none, and is written again.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.files import write_text

MOST = 64
"""Kernels of which a folder has files of one kind; those that were written first go first."""


def read(path: Path, kind: str) -> str | None:
    """The text that `write` wrote, None where there is none or it is damaged."""
    try:
        header, _, text = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return text if header == _header(kind, text) else None


def write(path: Path, kind: str, text: str) -> None:
    """Write a file and remove the oldest beyond MOST of its kind; raises BadInput when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot write below {path.parent}: {error.strerror}") from error
    write_text(path, f"{_header(kind, text)}\n{text}")
    _bound(path)


def _header(kind: str, text: str) -> str:
    return f"acceptlab {kind} {hashlib.sha256(text.encode()).hexdigest()}"


def _bound(path: Path) -> None:
    """Leave MOST files that are named like ``path`` but for the checksum. Others may do the same at once."""
    pattern = f"{path.name.partition('-')[0]}-*{path.suffix}"
    written = []
    for one in path.parent.glob(pattern):
        with suppress(OSError):
            written.append((one.stat().st_mtime_ns, one))
    for _, one in sorted(written)[: -MOST or None]:
        with suppress(OSError):
            one.unlink()
