# SPDX-License-Identifier: GPL-2.0-only
"""Runs in a guest (test_collect_guest.py): collects on a terminal while it uses memory, kills a second collection, and prints it all."""

import base64
import ctypes
import io
import json
import mmap
import os
import pty
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

PLATFORM = sys.argv[1]
TOUCHED = 640 << 20
ACCEPTLAB = ["python3", "-m", "acceptlab.toolkit"]
BPF, PROGRAMS, MAPS = 321, 11, 12
"""The system call, and its commands BPF_PROG_GET_NEXT_ID and BPF_MAP_GET_NEXT_ID (bpf(2))."""


class Collector:
    """`acceptlab collect --guest` on a terminal of its own; ``shown`` is what that shows."""

    def __init__(self, out: str) -> None:
        self.shown = ""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            words = ["collect", "--guest", "--platform", PLATFORM, "--out", out]
            os.execvp("python3", [*ACCEPTLAB, *words])
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        while "accepted " not in self.shown and self._reader.is_alive():
            time.sleep(0.1)

    def _read(self) -> None:
        try:
            while data := os.read(self._terminal, 65536):
                self.shown += data.decode(errors="replace")
        except OSError:
            pass  # the other side is closed

    def end(self, number: int) -> int:
        os.kill(self.pid, number)
        _, status = os.waitpid(self.pid, 0)
        self._reader.join()
        return status


def touch() -> None:
    memory = mmap.mmap(-1, TOUCHED)
    for page in range(0, TOUCHED, 4096):
        memory[page] = 1


def count(command: int) -> int:
    """How many programs or maps the kernel has."""
    attributes, number = (ctypes.c_uint32 * 32)(), 0
    while ctypes.CDLL(None).syscall(BPF, command, attributes, ctypes.sizeof(attributes)) == 0:
        attributes[0] = attributes[1]
        number += 1
    return number


def in_the_kernel() -> dict[str, object]:
    processes = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"collect" in words:
            processes.append(path.parent.name)
    probes = Path("/sys/kernel/debug/kprobes/list").read_text().splitlines()
    return {
        "probes": [one.split()[2] for one in probes if "accept" in one],
        "programs": count(PROGRAMS),
        "maps": count(MAPS),
        "processes": processes,
    }


def settled() -> dict[str, object]:
    """What is left once the kernel has freed what nobody holds any more, which it does a little later."""
    for _ in range(100):
        left = in_the_kernel()
        if not any(left.values()):
            break
        time.sleep(0.2)
    return left


first = Collector("/collected")
touch()
status = first.end(signal.SIGINT)
found: dict[str, object] = {"status": status, "shown": first.shown, "after the first": settled()}
second = Collector("/killed")
found["while it ran"] = in_the_kernel()
touch()
second.end(signal.SIGKILL)
found["left by the killed one"] = settled()
words = ["import", "/killed/trace.txt", "--platform", PLATFORM, "--out", "/imported", "--json"]
done = subprocess.run([*ACCEPTLAB, *words], capture_output=True, text=True)
found["imported"] = json.loads(done.stdout) if done.stdout else done.stderr
Path("/found.json").write_text(json.dumps(found))
packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w:xz") as archive:
    for name in ("found.json", "collected", "killed"):
        archive.add(f"/{name}", name)
text = base64.b64encode(packed.getvalue()).decode()
for at in range(0, len(text), 76):
    print("ACCEPTLAB file", text[at : at + 76])
