# SPDX-License-Identifier: GPL-2.0-only
"""A fault of acceptlab itself: the traceback goes into a log in the cache, and one line says where."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
import time
import traceback
from pathlib import Path

from acceptlab import toolkit
from acceptlab.toolkit.places import cache

KEPT = 20
"""Logs that stay; older ones are removed."""


def line_of(error: BaseException) -> str:
    """Write the traceback into a log and return the line that tells the user of it."""
    words = " ".join(str(error).split())
    what = f"{type(error).__name__}: {words}" if words else type(error).__name__
    log = _written(_text(error))
    where = f"the traceback is in {log}" if log else "its log could not be written"
    return f"internal error of acceptlab ({what[:200]}); {where}: please report it with that file"


def _text(error: BaseException) -> str:
    command = shlex.join(["acceptlab", *sys.argv[1:]])
    told = "".join(traceback.format_exception(error))
    return f"acceptlab {toolkit.__version__}, Python {sys.version}\n{command}\n\n{told}"


def _written(text: str) -> Path | None:
    """Return the log's path; a cache that cannot be written is no reason to lose it."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    for folder in (cache() / "faults", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / (name if folder.name == "faults" else f"acceptlab-{name}")
            with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        if folder.name == "faults":
            _forget_old(folder)
        return path
    return None


def _forget_old(folder: Path) -> None:
    for path in sorted(folder.glob("*.log"))[:-KEPT]:
        path.unlink(missing_ok=True)
