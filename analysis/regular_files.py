# SPDX-License-Identifier: GPL-2.0-only
"""Files that somebody else may have made: only regular files are read, and JSON and TOML only up to a size.

A run folder, a spec or a profile can come by mail. A FIFO in it would never end, a device would fill the memory, and a
parser of Python takes some twenty times a text's size.
"""

from __future__ import annotations

import io
import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

from acceptlab.analysis.bad_input import BadInput

MOST_TEXT = 32 << 20
"""Bytes of a JSON or TOML file: `[[],[],...` takes 20 times its size in memory, and the bound is 1 GiB. A run.json has some 100 KiB."""


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading. Raises BadInput for a FIFO, a device, a socket or a folder, OSError where it cannot be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        check_regular(path)  # a socket cannot be opened at all
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadInput(_line(path))
    return open(descriptor, "rb")  # noqa: PTH123 (a descriptor; the caller closes it)


def check_regular(path: Path) -> None:
    """Raise BadInput where something other than a regular file is at `path`; nothing there is left to the caller."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode):
        raise BadInput(_line(path))


def read_text(path: Path, most: int = MOST_TEXT) -> str:
    """Return a file's text, UTF-8. Raises BadInput for another encoding and for more than `most` bytes, OSError as open() does."""
    with open_regular(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise BadInput(f"{path} is larger than {most >> 20} MiB: no file of this kind is")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 (byte {error.start})") from error


def read_json(path: Path) -> Any:
    """Return what a JSON file holds. Raises BadInput for whatever is wrong with the text, OSError as open() does."""
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"{path} is damaged: line {error.lineno}: {error.msg}") from error
    except RecursionError as error:
        raise BadInput(f"{path} is damaged: its brackets are nested too deep") from error
    except ValueError as error:  # an integer of more than sys.get_int_max_str_digits() digits
        raise BadInput(f"{path} is damaged: a number is too long") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds. Raises BadInput for whatever is wrong with the text, OSError as open() does."""
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not a valid TOML file: {error}") from error
    except RecursionError as error:
        raise BadInput(
            f"{path} is not a valid TOML file: its brackets are nested too deep"
        ) from error
    except ValueError as error:
        raise BadInput(
            f"{path} is not a valid TOML file: a number is too long or out of range"
        ) from error


def _line(path: Path) -> str:
    return f"{path} is not a regular file: FIFOs, devices, sockets and folders are not read"
