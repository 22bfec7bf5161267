# SPDX-License-Identifier: GPL-2.0-only
"""A run that is started to be collected: `acceptlab run ... --hold`, which waits before its first event."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from acceptlab.toolkit.collect import emulators
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.run.new_folder import fresh
from acceptlab.toolkit.runs.side_by_side import Wanted, answer_of, start_run

_POLL = 0.05


@contextmanager
def held(words: Sequence[str]) -> Iterator[emulators.LiveEmulator]:
    """Start a run with these arguments of `acceptlab run` and return its emulator, held; the run ends with the block.

    The run's folder is that of its own --out, else a fresh one in the cache. Raises RunFailedError when it cannot be made.
    """
    folder = _folder(words)
    run = start_run(Wanted("run", [*_without_out(words), "--hold"], folder))
    try:
        yield _wait(run, folder)
    finally:
        if run.poll() is None:
            run.terminate()
        run.communicate()


def _folder(words: Sequence[str]) -> Path:
    for word, value in zip(words, [*words[1:], ""], strict=True):
        if word == "--out":
            return Path(value).resolve()
        if word.startswith("--out="):
            return Path(word.partition("=")[2]).resolve()
    return fresh("collected")


def _without_out(words: Sequence[str]) -> list[str]:
    kept = []
    rest = iter(words)
    for word in rest:
        if word == "--out":
            next(rest, None)
        elif not word.startswith("--out="):
            kept.append(word)
    return kept


def _wait(run: subprocess.Popen[str], folder: Path) -> emulators.LiveEmulator:
    """Return the run's emulator as soon as it has stopped itself."""
    while True:
        answer_of(run)  # raises what the run ended in
        try:
            found = emulators.of_run(folder)
        except BadInputError:
            found = None
        if found is not None and found.is_held:
            return found
        if run.poll() is not None:
            raise BadInputError(f"the run in {folder} ended before it could be collected")
        time.sleep(_POLL)
