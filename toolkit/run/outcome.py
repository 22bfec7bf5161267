# SPDX-License-Identifier: GPL-2.0-only
"""The outcome of a run: one word and one line, from the emulator's report, the console and the process's end."""

from __future__ import annotations

import json
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.run.launch import Ending

_USERSPACE = re.compile(r"^ACCEPTLAB userspace\r?$", re.MULTILINE)
_SECOND_USERSPACE = re.compile(r"^ACCEPTLAB second userspace\r?$", re.MULTILINE)
_SECOND_LOADED = re.compile(r"^ACCEPTLAB second kernel loaded for (\w+)\r?$", re.MULTILINE)
_SECOND_FAILED = re.compile(
    r"^ACCEPTLAB workload (?:kexec|kdump) end result=([^\r\n]*)", re.MULTILINE
)
_DONE = re.compile(r"^ACCEPTLAB done\r?$", re.MULTILINE)
_PANIC = re.compile(r"(?<!\[ end )Kernel panic - not syncing: ([^\r\n]*)")
_FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_FULL_DISK = ("No space left on device", "Disk quota exceeded", "File too large")
_LEAST_FREE = 64 << 10  # bytes
_FROM_REPORT = ("stopped", "terminated", "triple-fault")


@dataclass(frozen=True)
class Outcome:
    """`word` is one of run.json's outcomes; `reason` one line, empty when there is nothing to add."""

    word: str
    reason: str


def read_report(path: Path) -> dict[str, Any] | None:
    """Return the emulator's report, or None when it wrote none (it was killed)."""
    try:
        report = json.loads(path.read_text(errors="replace"))
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) else None


def judge(report: dict[str, Any] | None, console: str, ending: Ending, limit: float) -> Outcome:
    """Decide the outcome. A time limit or a signal from outside outweighs what the guest was at."""
    where = _where(report, console)
    if ending.interrupted:
        return Outcome("killed", f"the user interrupted the run {where}")
    if ending.ended:
        return Outcome("killed", f"{ending.ended}, {where}")
    if ending.timed_out:
        return _of_time_limit(f"the time limit of {limit:g} s expired", report, console)
    if ending.code < 0:
        name = signal.Signals(-ending.code).name
        return Outcome("killed", f"the emulator was killed by a signal ({name}) {where}")
    told = str((report or {}).get("outcome", ""))
    if told in _FROM_REPORT and not _is_reboot_of_panic(told, console):
        reason = str((report or {}).get("reason", ""))
        return Outcome(told, f"{reason}, {where}" if told == "triple-fault" else reason)
    console = _of_last_kernel(console)
    panics = _panics(console, report)
    if panics:
        return Outcome("panic", panics[-1])
    if told == "panic":
        return Outcome("panic", f"{(report or {}).get('reason', '')}, {where}")
    return _of_own_end(told, console)


def of_second_kernel(
    outcome: Outcome, console: str, report: dict[str, Any] | None = None
) -> Outcome:
    """Return the outcome of a run that was to start a second kernel: userspace means that kernel's.

    An end of another kind is that already, but the crash that was to start the second kernel is no reason for it.
    The emulator's report says in which kernel the guest ended; without it, the first one is not blamed.
    """
    if _SECOND_USERSPACE.search(console):
        return outcome
    failed = _SECOND_FAILED.search(console)
    if failed:
        return Outcome("terminated", f"the guest could not start a second kernel: {failed[1]}")
    loaded = _SECOND_LOADED.search(console)
    if not loaded:
        return outcome if outcome.word != "userspace" else Outcome("terminated", outcome.reason)
    if outcome.word in ("userspace", "panic"):
        stage = str((report or {}).get("stage") or "second-")
        reason = f"the second kernel, started by {loaded[1]}, did not reach userspace"
        if not stage.startswith("second-"):
            reason = f"the first kernel ended before the second kernel started by {loaded[1]}"
        said = f": {outcome.reason}" if outcome.reason else ""
        return Outcome("terminated" if outcome.word == "userspace" else "panic", reason + said)
    return outcome


def with_remark(outcome: Outcome, remark: str) -> Outcome:
    """Put a remark about the kernel before what is known of why."""
    return Outcome(outcome.word, "; ".join(part for part in (remark, outcome.reason) if part))


def _is_reboot_of_panic(told: str, console: str) -> bool:
    """Return whether a triple fault is only how Linux resets the machine after a panic, when nothing else works."""
    return told == "triple-fault" and not _expects_second(console) and bool(_PANIC.search(console))


def _expects_second(console: str) -> bool:
    """Return whether a panic may be no end: a second kernel was loaded for it. Before a kexec, none is expected."""
    loaded = _SECOND_LOADED.search(console)
    return loaded is not None and loaded[1] != "kexec"


def _panics(console: str, report: dict[str, Any] | None) -> list[str]:
    """Return the words of every panic on the console, or of those that only the kernel's own log has; none after a good end."""
    elsewhere = "" if _DONE.search(console) else _printk(report)
    found = _PANIC.findall(console) or _PANIC.findall(elsewhere)
    return [str(words).strip() for words in found]


def _printk(report: dict[str, Any] | None) -> str:
    """Return the kernel's last messages as the emulator found them in memory; they need not have reached the console."""
    lines = (report or {}).get("printk", [])
    return "\n".join(str(line) for line in lines) if isinstance(lines, list) else ""


def _of_last_kernel(console: str) -> str:
    """Return what was printed since a second kernel reached userspace, which the first one's crash may have led to; else all."""
    found = _SECOND_USERSPACE.search(console)
    return console[console.rfind("ACCEPTLAB userspace", 0, found.start()) :] if found else console


def _of_time_limit(passed: str, report: dict[str, Any] | None, console: str) -> Outcome:
    """Return the outcome of a guest that had to be stopped: a panic where that came first.

    Before a reset is possible, a kernel that panics loops without end; if the kernel's symbols
    are known, the emulator ends that itself.
    """
    panics = [] if _expects_second(console) else _panics(console, report)
    if panics:
        return Outcome("panic", f"{panics[-1]}; then {passed}")
    return Outcome("timeout", f"{passed}, {_where(report, console)}")


def _of_own_end(told: str, console: str) -> Outcome:
    """Return the outcome of a guest that powered off (or requested a reset, which ends the emulator too)."""
    if _DONE.search(console):
        return Outcome("userspace", "")
    if _USERSPACE.search(console):
        return Outcome("userspace", "the guest ended before its workloads did")
    how = "requested a reset" if told == "reset" else "powered off"
    return Outcome("terminated", f"guest {how} before reaching userspace")


def _where(report: dict[str, Any] | None, console: str) -> str:
    """Say how far the guest had come."""
    stage = (report or {}).get("stage")
    if str(stage).startswith("second-") and stage != "second-userspace":
        return f"in stage {stage}"
    if _DONE.search(console):
        return "after the guest's workloads ended"
    if _USERSPACE.search(console):
        return "in userspace"
    return f"in stage {stage}" if stage else "before the guest reached userspace"


def _nothing_fits(folder: Path) -> bool:
    """Return whether the disk is so full that the emulator could not even say so in its log."""
    return shutil.disk_usage(folder).free < _LEAST_FREE


def check_emulator(ending: Ending, has_report: bool, stderr: Path) -> None:
    """Raise MachineError when the emulator itself failed, rather than the guest in it."""
    crashed = ending.code < 0 and -ending.code not in _FROM_OUTSIDE
    failed = ending.code > 0 or (ending.code == 0 and not has_report)
    if not (failed or crashed) or ending.timed_out or ending.interrupted or ending.ended:
        return
    lines = [
        line.strip() for line in stderr.read_text(errors="replace").splitlines() if line.strip()
    ]
    full = any(words in line for line in lines for words in _FULL_DISK)
    if full or -ending.code == signal.SIGXFSZ or _nothing_fits(stderr.parent):
        raise MachineError(
            "disk full during the run: free some space, or choose another folder with --out"
        )
    if crashed:
        said = lines[-1] if lines else "no output"
        name = signal.Signals(-ending.code).name
        raise MachineError(f"the emulator crashed ({name}), which is a bug of acceptlab: {said}")
    raise MachineError(
        f"the emulator failed: {lines[-1] if lines else f'no output (exit {ending.code})'}"
    )
