# SPDX-License-Identifier: GPL-2.0-only
"""The `acceptlab` command: finds the command that is asked for, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from acceptlab import toolkit
from acceptlab.analysis.printable import shown
from acceptlab.toolkit.cli.command_table import Command, find, overview
from acceptlab.toolkit.cli.library_start import start_lightly
from acceptlab.toolkit.cli.streams import unbroken_pipes
from acceptlab.toolkit.cli.typer_app import app_for


def main() -> None:
    """Run the command line; every error ends in one line and its exit code (analysis/exit_codes.py)."""
    with unbroken_pipes():
        words = sys.argv[1:]
        if "_ACCEPTLAB_COMPLETE" in os.environ and not words:
            _complete()
        elif words in ([], ["-h"], ["--help"]):
            print(overview())
        elif words == ["--version"]:
            print(f"acceptlab {toolkit.__version__}")
        else:
            _run(words)


def _complete() -> None:
    from acceptlab.toolkit.cli.completion import complete

    code = complete()
    if code is None:
        _run([])
    elif code:
        sys.exit(code)


def _run(words: Sequence[str]) -> None:
    from acceptlab.toolkit.cli.error_lines import ended_by

    start_lightly()
    try:
        if plain := _plain(words):
            sys.exit(plain.load_plain()(words[1:]))
        app_for(words)(prog_name="acceptlab")
    except BaseException as error:
        ending = ended_by(error)
        if ending is None:
            raise
        _fail(*ending)


def _plain(words: Sequence[str]) -> Command | None:
    """Return the command, where it can do without Typer what the words say: it is given arguments, and no option."""
    found = find(words[0]) if len(words) > 1 else None
    if found is None or not found.plain or any(word.startswith("-") for word in words):
        return None
    return found


def _fail(message: str, code: int) -> NoReturn:
    """End the program with one line on stderr."""
    sys.stderr.write("acceptlab: " + shown(" ".join(message.split())) + "\n")
    sys.stderr.flush()
    sys.exit(code)
