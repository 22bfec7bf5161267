# SPDX-License-Identifier: GPL-2.0-only
"""Boot one test guest in the emulator and hold what came of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.trace.schema import (
    ACCESS_DETAIL_PRIVATE,
    RAW_DTYPE,
    Access,
    Kind,
    StopReason,
    label,
)
from acceptlab.toolkit.qemu import bases
from acceptlab.toolkit.run.emulator_command import cpu_model
from tests.emulator import bare_handoff, guest_images

TIME_LIMIT = float(os.environ.get("ACCEPTLAB_TIME_LIMIT", "20"))
"""Seconds; a guest takes a fraction of one. The mutation test has less patience with emulators that hang."""
_MACHINE = (
    "microvm,pit=on,pic=on,rtc=on,isa-serial=on,acpi=on,pcie=off,x-option-roms=off,"
    "auto-kernel-cmdline=off,memory-backend=ram0,confidential-guest-support=cc0"
)
_MOST_EVENTS = 100_000
"""More are not read: guests leave hundreds, and only an emulator that faults without end leaves millions."""
_FIELD = re.compile(r"(\w[\w-]*)=(0x[0-9a-f]+)")


_SANITIZERS_NOTE = re.compile(r"^==\d+==WARNING: ASan doesn't fully support makecontext.*\n", re.M)
"""What an emulator that was built with AddressSanitizer says of QEMU's coroutines at each start."""


@dataclass(frozen=True)
class Setup:
    """How the host is to behave, and what the machine has."""

    cpus: int = 1
    threads: str = "single"
    properties: tuple[str, ...] = ()
    """More properties of the confidential guest's object, `name=value`."""
    attacks: tuple[str, ...] = ()
    """What a hostile host does: lines of the attacks file (emulator/qemu/attacks.h)."""
    hotplug: tuple[str, ...] = ()
    """What memory the host adds and removes: lines of the hotplug file (emulator/qemu/hotplug.h)."""
    handoff: tuple[str, ...] = ()
    """More lines of the boot handoff file (emulator/qemu/handoff.c)."""
    probes: tuple[str, ...] = ()
    """Lines of the probes file (emulator/qemu/probes.c)."""
    skip_list: tuple[str, ...] = ()
    """Lines of the skip list (emulator/qemu/symbols.h)."""
    devices: tuple[str, ...] = ()
    """More arguments of QEMU's."""
    ended_at: str = ""
    """The emulator is told to end (SIGTERM) once the guest has said this line."""
    time_limit: float = TIME_LIMIT


@dataclass(frozen=True)
class Event:
    """One event, its detail taken apart where it describes an access."""

    kind: str
    gpa: int
    size: int
    result: int
    rip: int
    detail: int
    vcpu: int
    carry: int
    seq: int
    clock: int
    caller: int
    caller_how: int

    @property
    def access(self) -> str:
        """Return read, write, fetch, walk or instruction (fault, stop and ciphertext events)."""
        return label(Access(self.detail & 0xFF))

    @property
    def private(self) -> bool:
        """Return whether the access was private (C-bit set, SHARED bit clear)."""
        return bool(self.detail & ACCESS_DETAIL_PRIVATE)

    @property
    def platform(self) -> int:
        """Return what the platform reports: error code, NPF bits or exit reason."""
        return self.detail >> 32

    @property
    def reason(self) -> str:
        """Return why the guest was stopped (stop events)."""
        return label(StopReason(self.result))


@dataclass(frozen=True)
class BareRun:
    """What came of one boot."""

    folder: Path
    setup: Setup
    platform: str
    exit_code: int | None
    """None: the time limit passed and the emulator was killed."""
    symbols: dict[str, int]
    lines: list[str]
    report: dict[str, Any] | None
    events: list[Event]

    @property
    def log(self) -> str:
        """Return what the emulator itself said."""
        log = (self.folder / "emulator.log").read_text(errors="replace")
        return _SANITIZERS_NOTE.sub("", log)

    @property
    def outcome(self) -> str:
        """Return the emulator's word for the end, `none` without a report."""
        return str(self.report["outcome"]) if self.report else "none"

    def of(self, kind: str) -> list[Event]:
        """Return the events of one kind, in order."""
        return [event for event in self.events if event.kind == kind]

    def only(self, kind: str) -> Event:
        """Return the one event of a kind; there must be exactly one."""
        found = self.of(kind)
        assert len(found) == 1, f"{len(found)} events of kind {kind}, not one: {found}"
        return found[0]

    def said(self, word: str) -> list[dict[str, int]]:
        """Return the numbers of every line that begins with ``word`` (or ``word=``), by name."""
        return [
            {name: int(value, 16) for name, value in _FIELD.findall(line)}
            for line in self.lines
            if re.match(rf"{re.escape(word)}(?![\w-])", line)
        ]

    def value(self, name: str) -> int:
        """Return the number of the one line `name=number`."""
        found = self.said(name)
        assert len(found) == 1, f"{len(found)} lines say {name}: {self.lines}"
        return found[0][name]

    def values(self, name: str) -> list[int]:
        """Return the numbers of all lines `name=number`."""
        return [fields[name] for fields in self.said(name)]

    def at(self, symbol: str) -> int:
        """Return the address of one of the guest's symbols."""
        return self.symbols[symbol]


def boot(
    emulator: Path, folder: Path, platform: str, guest: str, case: str, setup: Setup
) -> BareRun:
    """Run one case of tests/guests/GUEST.c to its end; ``folder`` must be empty."""
    command = command_of(emulator, folder, platform, guest, case, setup)
    return run(command, folder, platform, guest, setup)


def command_of(
    emulator: Path, folder: Path, platform: str, guest: str, case: str, setup: Setup
) -> list[str]:
    """Write what the emulator reads into ``folder``, and return its command line."""
    image = guest_images.build(guest, platform)
    arguments = bare_handoff.write(
        bare_handoff.BareGuest(
            platform,
            image.flat,
            image.symbols["start"],
            image.symbols[case],
            image.symbols["ap_wait"],
        ),
        folder,
        setup.handoff,
    )
    (folder / "rom").write_bytes(b"\xf4" * 65536)
    (folder / "bitmap").mkdir()
    return _command(emulator, folder, platform, setup) + arguments


def run(command: list[str], folder: Path, platform: str, guest: str, setup: Setup) -> BareRun:
    """Run the emulator to its end, and read what it left in ``folder``."""
    symbols = guest_images.build(guest, platform).symbols
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            if setup.ended_at:
                _end_at(process, folder / "console.log", setup)
            exit_code: int | None = process.wait(setup.time_limit)
        except subprocess.TimeoutExpired:
            exit_code = None
        finally:
            process.kill()
            process.wait()
    return _read(folder, platform, setup, exit_code, symbols)


def _end_at(process: subprocess.Popen[bytes], console: Path, setup: Setup) -> None:
    """Send SIGTERM when the guest has said what the setup waits for, or when the time limit is over."""
    over = time.monotonic() + setup.time_limit
    while process.poll() is None and time.monotonic() < over:
        if console.exists() and setup.ended_at in console.read_text(errors="replace").splitlines():
            break
        time.sleep(0.02)
    process.terminate()


def _command(emulator: Path, folder: Path, platform: str, setup: Setup) -> list[str]:
    size = bare_handoff.RAM_END
    counted = ("-icount", "shift=0,sleep=off") if setup.threads == "single" else ()
    properties = [
        f"handoff={folder / 'map'}",
        f"events={folder / 'events.raw'}",
        f"report={folder / 'report.json'}",
        f"snapshots={folder / 'bitmap'}",
    ]
    for name in ("attacks", "hotplug", "probes", "skip-list"):
        lines: tuple[str, ...] = getattr(setup, name.replace("-", "_"))
        if lines:
            (folder / name).write_text("\n".join(lines) + "\n")
            properties.append(f"{name}={folder / name}")
    properties += setup.properties
    return [
        str(emulator),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-monitor", "none"),
        *("-accel", f"tcg,thread={setup.threads}", *counted, "-seed", "1"),
        *("-rtc", "base=2026-01-01T00:00:00,clock=vm", "-machine", _MACHINE),
        *("-object", f"memory-backend-ram,id=ram0,size={size},reserve=off", "-m", f"{size}B"),
        *("-bios", str(folder / "rom"), "-smp", str(setup.cpus)),
        *("-cpu", cpu_model(platform, bases.chosen().version)),
        *("-object", f"{platform}-emulated,id=cc0,{','.join(properties)}"),
        *("-chardev", f"file,id=con,path={folder / 'console.log'}", "-serial", "chardev:con"),
        *setup.devices,
    ]


def _read(
    folder: Path, platform: str, setup: Setup, exit_code: int | None, symbols: dict[str, int]
) -> BareRun:
    console, report, raw = (folder / name for name in ("console.log", "report.json", "events.raw"))
    lines = console.read_text(errors="replace").splitlines() if console.exists() else []
    records: npt.NDArray[np.void] = (
        np.fromfile(raw, RAW_DTYPE, _MOST_EVENTS) if raw.exists() else np.empty(0, RAW_DTYPE)
    )
    events = [
        Event(
            kind=label(Kind(int(record["kind"]))),
            **{
                name: int(record[name])
                for name in (
                    "gpa",
                    "size",
                    "result",
                    "rip",
                    "detail",
                    "vcpu",
                    "carry",
                    "seq",
                    "clock",
                    "caller",
                    "caller_how",
                )
            },
        )
        for record in records
    ]
    parsed = json.loads(report.read_text()) if report.exists() else None
    return BareRun(folder, setup, platform, exit_code, symbols, lines, parsed, events)
