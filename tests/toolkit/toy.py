# SPDX-License-Identifier: GPL-2.0-only
"""A kernel file and an emulator that are quick to make: they stand in for the real ones where only the run's life counts."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from acceptlab.analysis.trace.schema import Kind, Stage
from acceptlab.toolkit.qemu import bases
from acceptlab.toolkit.qemu.emulator_build import Emulator
from tests.toolkit.guests.made_bzimage import make_bzimage

__all__ = ["make_bzimage", "make_emulator", "make_kernel"]

_SCRIPT = '''#!{python} -ISE
"""Takes the emulator's command line, writes what the emulator would write, and ends as told."""
import json, os, pathlib, signal, struct, sys, time

def property_of(name):
    text = next(word for word in sys.argv if "-emulated,id=" in word)
    return next((p.split("=", 1)[1] for p in text.split(",") if p.startswith(name + "=")), None)

def events(count):
    record = struct.Struct("<8QH3B3x")  # struct acc_event
    kind, stage = ({accept}, {kernel}) if mode == "accepts" else ({ram}, 0)
    ram = [record.pack(seq, 0, seq * 4096, 4096, 0, 0, 0, 0, 0, kind, stage, 255) for seq in range(count - 1)]
    return b"".join([*ram, record.pack(count - 1, 0, 0, 0, 0, 0, 0, count - 1, 0, {end}, 0, 255)])

def report(signum=None, frame=None, outcome="shutdown"):
    path = property_of("report")
    pathlib.Path(path).write_text(json.dumps({{"outcome": outcome, "reason": "as told", "stage": "kernel", "events": 9}}))
    raw = property_of("events")
    if raw and not mode.startswith("plays:"):
        pathlib.Path(raw).write_bytes(events(10))
    if signum:
        sys.exit(0)

mode = {mode!r}
console = pathlib.Path(next(w for w in sys.argv if w.startswith("file,id=con,path=")).split("path=")[1])
refused = "Malformed early option 'accept_memory'\\n" if mode == "refused" else ""
console.write_text("Linux version 6.12\\n" + refused + ("ACCEPTLAB userspace\\nACCEPTLAB done\\n" if mode in ("userspace", "accepts", "refused") else ""))
signal.signal(signal.SIGTERM, report)
if mode in ("userspace", "accepts", "refused"):
    report()
elif mode == "stopped":
    report(outcome="stopped")
elif mode == "panic":
    console.write_text("Kernel panic - not syncing: no init\\n")
    report()
elif mode == "hang":
    pathlib.Path(property_of("events")).write_bytes(events(10)[:500])
    console.with_name("started").touch()
    time.sleep(60)
elif mode.startswith("plays:"):  # a stream of events, slowly
    data = pathlib.Path(mode.removeprefix("plays:")).read_bytes()
    with open(property_of("events"), "wb", buffering=0) as file:
        file.write(data[:1024 * 72])
        for at in range(1024 * 72, len(data), 72):
            time.sleep(0.1)
            file.write(data[at:at + 72])
    time.sleep(60)
elif mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    console.with_name("started").touch()
    time.sleep(60)
elif mode == "crash":
    os.kill(os.getpid(), signal.SIGSEGV)
elif mode == "killed":
    pathlib.Path(property_of("events")).write_bytes(events(10)[:500])
    os.kill(os.getpid(), signal.SIGKILL)
elif mode == "refuses":
    sys.exit("toy: cannot do that")
elif mode == "full":
    try:
        pathlib.Path(property_of("events")).write_bytes(b"x" * (64 << 20))
    except OSError as error:
        sys.exit(f"events: cannot write: {{error.strerror}}; the run ends here")
'''


def make_kernel(folder: Path) -> Path:
    """Write a file that is a kernel as far as the toolkit can tell."""
    path = folder / "bzImage"
    path.write_bytes(make_bzimage())
    return path


def make_emulator(folder: Path, mode: str) -> Emulator:
    """Write an emulator that does what `mode` says (see the script); whole at once, since runs side by side write the same."""
    path = folder / f"toy-{mode.partition(':')[0]}"
    beside = folder / f"{path.name}.{os.getpid()}"
    beside.write_text(
        _SCRIPT.format(
            python=sys.executable,
            mode=mode,
            ram=int(Kind.RAM),
            end=int(Kind.END),
            accept=int(Kind.ACCEPT),
            kernel=int(Stage.KERNEL),
        )
    )
    beside.chmod(beside.stat().st_mode | stat.S_IXUSR)
    beside.replace(path)
    return Emulator(path, "toy", {"qemu": bases.default().version, "debian_version": "toy"})
