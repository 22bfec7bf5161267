# SPDX-License-Identifier: GPL-2.0-only
"""Run the emulator under a time limit, watch it, and make sure that it is gone afterwards."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.processes import die_with_parent, state_of
from acceptlab.toolkit.progress import say

_POLL = 0.1
"""Seconds between two looks at the emulator."""
_GRACE = 10.0
"""Seconds that the emulator has to write its report after SIGTERM, before SIGKILL."""


class Interrupted(Exception):  # noqa: N818 (a signal, not an error of ours)
    """SIGTERM or SIGHUP reached us; handled as Ctrl-C is."""


class EndRun(Exception):  # noqa: N818 (what watches a run has seen enough: no error)
    """Raised by what watches a run: the emulator is to be stopped, for the reason that the exception has as its text."""


@dataclass(frozen=True)
class Ending:
    """How the emulator's process ended. `code` is negative for a signal, as subprocess has it."""

    code: int
    timed_out: bool = False
    interrupted: bool = False
    seconds: float = 0.0
    ended: str = ""
    """Why what watched the run ended it; empty: it did not."""


def launch(
    command: Sequence[str],
    stderr: Path,
    time_limit: float,
    watch: Callable[[float], None],
    held: str = "",
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | None = subprocess.STDOUT,
) -> Ending:
    """Run one emulator to its end and return how that was; `watch` is called now and then with the seconds so far,
    and may raise EndRun.

    `stdin` and `stdout` are subprocess's; without them there is no input, and all output goes to `stderr`. `held` is for an emulator that stops before its first event: what to say then. Time counts from when it is let go.
    Ctrl-C, SIGTERM and SIGHUP stop the emulator and set `interrupted`; the caller decides what follows.
    """
    started = time.monotonic()
    with stderr.open("wb") as errors, _signals_raise():
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=errors if stdout == subprocess.STDOUT else stdout,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is for us to handle: the emulator is to write its report first
            preexec_fn=die_with_parent,
        )
        timed_out, interrupted, ended = False, False, ""
        try:
            if held:
                _wait_until_let_go(process, held)
                started = time.monotonic()
            timed_out = not _wait(process, started, time_limit, watch)
        except (KeyboardInterrupt, Interrupted):
            interrupted = True
        except EndRun as reason:
            ended = str(reason)
        finally:
            _stop(process)
    seconds = time.monotonic() - started
    return Ending(process.returncode, timed_out, interrupted, seconds, ended)


def on_terminal(command: Sequence[str], stderr: Path, time_limit: float, held: str) -> Ending:
    """Run an emulator whose guest's console is our own standard input, which is a terminal, and output.

    The emulator makes the terminal raw. It gets its modes back here, for an emulator that is killed cannot do so.
    """
    before = termios.tcgetattr(sys.stdin)
    try:
        return launch(command, stderr, time_limit, lambda _: None, held, None, None)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _wait(
    process: subprocess.Popen[bytes],
    started: float,
    limit: float,
    watch: Callable[[float], None],
) -> bool:
    """Return whether the process ended within the limit (seconds)."""
    while True:
        passed = time.monotonic() - started
        watch(passed)
        if passed >= limit:
            return False
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(_POLL, limit - passed))
            return True


def _wait_until_let_go(process: subprocess.Popen[bytes], held: str) -> None:
    """Wait until the emulator has stopped itself and goes on; also when it ends."""
    while process.poll() is None and state_of(process.pid) != "T":
        time.sleep(_POLL)
    say(held)
    while process.poll() is None and state_of(process.pid) == "T":
        time.sleep(_POLL)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    process.send_signal(signal.SIGCONT)  # one that is held takes no other signal
    try:
        process.wait(_GRACE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt, Interrupted):
        process.kill()
        process.wait()


@contextlib.contextmanager
def _signals_raise() -> Iterator[None]:
    def handler(number: int, frame: object) -> None:  # noqa: ARG001 (the signature is Python's)
        raise Interrupted(signal.Signals(number).name)

    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
