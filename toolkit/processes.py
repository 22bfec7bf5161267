# SPDX-License-Identifier: GPL-2.0-only
"""Child processes that do not outlive us, even when we are killed without a chance to stop them."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies; for `preexec_fn`."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_with_parent() -> None:
    """Have the kernel ask this process to end (SIGTERM) when its parent dies; for one that has children to stop itself."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def state_of(pid: int) -> str:
    """Return the letter of a process's state (proc(5)): T when it is stopped, "" when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


@contextlib.contextmanager
def signals_interrupt() -> Iterator[None]:
    """Have SIGTERM and SIGHUP do what Ctrl-C does, while the block runs: raise KeyboardInterrupt."""

    def handler(number: int, frame: object) -> None:  # noqa: ARG001 (the signature is Python's)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def stop_requested() -> Iterator[threading.Event]:
    """Note Ctrl-C, SIGTERM and SIGHUP, while the block runs, instead of being torn out of it."""
    asked = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in numbers}
    try:
        yield asked
    finally:
        for number, old in before.items():
            signal.signal(number, old)


class DeferredSignals:
    """Ctrl-C, SIGTERM and SIGHUP wait from here to `release`, so that nothing is torn between an act and the note of it.

    Does nothing outside of the main thread, where Python runs no handlers.
    """

    def __init__(self) -> None:
        self._waiting: int | None = None
        self._before: dict[int, Any] = {}
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            old = signal.getsignal(number)
            if old not in (None, signal.SIG_IGN):
                self._before[number] = old
                signal.signal(number, self._note)

    def _note(self, number: int, frame: object) -> None:  # noqa: ARG002 (the signature is Python's)
        self._waiting = number

    def release(self) -> None:
        """Give the signals back, and deliver the one that waits. May be called again."""
        for number, old in self._before.items():
            signal.signal(number, old)
        self._before.clear()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            signal.raise_signal(waiting)
