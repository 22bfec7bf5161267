# SPDX-License-Identifier: GPL-2.0-only
"""Consistent run folders without an emulator: a small machine, a kernel that accepts by the book.

A ``Guest`` is driven like a kernel (``accept_memory``, ``share``, ...). It keeps the page states and
the bitmap that belong to its events, so that snapshots and console agree with the trace.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.run.run_folder import write_run_json
from acceptlab.analysis.run.run_info import (
    Bitmap,
    Blob,
    EventsInfo,
    Handoff,
    Host,
    Kernel,
    Machine,
    Probe,
    RunInfo,
)
from acceptlab.analysis.trace.schema import (
    NO_CARRY,
    PAGE_SIZE,
    RAW_DTYPE,
    UNIT_SIZE,
    Attack,
    CallerHow,
    ConvertTo,
    Kind,
    Stage,
)
from acceptlab.analysis.trace.stream import convert_raw

MIB = 1 << 20
BLOCK = 4 * MIB
"""What Linux's page allocator accepts at a time (MAX_PAGE_ORDER, semantics.md 3.3.10)."""
TABLE = 2 * MIB
"""Where firmware put the table of unaccepted memory."""
TABLE_HEADER = 24
SNP_SIZE_MISMATCH = 6
TDX_SIZE_MISMATCH = 0xC0000B0B00000001
TDX_ALREADY = 0x00000B0A00000000
PAGE_RUN = np.dtype([("start", "<u8"), ("size", "<u8"), ("state", "<u8")])
ACCEPT_RIP = 0xFFFFFFFF81234567
Records = npt.NDArray[np.void]
Mutation = Callable[[Records], Records]


@dataclass(frozen=True)
class Layout:
    """RAM with a hole below 1 MiB; accepted up to ``low``, unaccepted from there to ``top``."""

    low: int = 32 * MIB
    top: int = 96 * MIB

    @property
    def ram(self) -> list[tuple[int, int]]:
        return [(0, 0xA0000), (MIB, self.top - MIB)]

    @property
    def accepted(self) -> list[tuple[int, int]]:
        return [(0, 0xA0000), (MIB, self.low - MIB)]

    @property
    def unaccepted(self) -> list[tuple[int, int]]:
        return [(self.low, self.top - self.low)] if self.top > self.low else []


@dataclass
class Guest:
    """A guest in the making. ``backing`` is the size of the host's pages: 2M or 4K."""

    platform: str = "snp"
    accept: str = "lazy"
    backing: str = "2M"
    cpus: int = 2
    layout: Layout = field(default_factory=Layout)
    guard: bool = True
    release: str = "6.12"
    probes: tuple[str, ...] = ()
    watched: bool = False
    """Whether stores to the table of unaccepted memory are events."""

    def __post_init__(self) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.stage_now = Stage.FIRMWARE
        self.clock = 0
        self.true = np.zeros(self.layout.top // PAGE_SIZE, np.uint8)
        self.ram = np.zeros(self.layout.top // PAGE_SIZE, np.bool_)
        units = (self.layout.top - self.layout.low) // UNIT_SIZE
        self.bits = np.ones(units, np.bool_)
        self.files: dict[str, bytes] = {}
        self.console = ["ACCEPTLAB userspace"]
        self.snapshots = 0
        self._handoff()

    # --- events ------------------------------------------------------------------------

    def event(self, kind: Kind, gpa: int = 0, size: int = 0, **more: int) -> None:
        """Append one event; ``more``: result, carry, detail, vcpu, rip, caller, how (CallerHow)."""
        self.clock += 7
        self.rows.append(
            (
                len(self.rows),
                self.clock,
                gpa,
                size,
                more.get("result", 0),
                more.get("rip", ACCEPT_RIP),
                more.get("caller", ACCEPT_RIP + 0x1000),
                more.get("detail", 0),
                more.get("vcpu", 0),
                kind,
                self.stage_now,
                more.get("carry", NO_CARRY),
                more.get("how", CallerHow.BY_CALL),
                (0, 0),
            )
        )

    def stage(self, stage: Stage) -> None:
        """Enter a stage: a snapshot, then the stage event, as the emulator does it."""
        if stage != Stage.DECOMPRESSOR:
            self.snapshot(stage.name.lower())
        self.event(Kind.STAGE, detail=stage)
        self.stage_now = stage

    def snapshot(self, moment: str) -> None:
        """Save bitmap and page states, and the event that says so."""
        name = f"{self.snapshots:04d}-{moment}"
        self.files[f"{name}.bitmap"] = np.packbits(self.bits, bitorder="little").tobytes()
        self.files[f"{name}.pages"] = self._runs().tobytes()
        self.event(Kind.BITMAP, detail=self.snapshots)
        self.snapshots += 1

    # --- what a kernel does ----------------------------------------------------------------

    def accept_memory(self, start: int, size: int, vcpu: int = 0) -> None:
        """Linux's accept_memory(): guard unit, whole units, bits cleared afterwards."""
        if "accept_memory" in self.probes:
            number = self.probes.index("accept_memory")
            second = start + size if self.release.startswith("6.1.") else size
            self.event(Kind.PROBE_ENTER, start, second, detail=number, vcpu=vcpu)
        end = start + size
        if self.guard and end % UNIT_SIZE == 0:
            end += UNIT_SIZE
        low, top = self.layout.low, self.layout.top
        start, end = max(start, low), min(end, top)
        first, last = (start - low) // UNIT_SIZE, -(-(end - low) // UNIT_SIZE)
        for unit in range(first, last):
            if self.bits[unit]:
                self.accept_unit(low + unit * UNIT_SIZE, vcpu)
        self.store_bits(first, last, False, vcpu)

    def store_bits(self, first: int, last: int, value: bool, vcpu: int = 0) -> None:
        """Write bits of the bitmap, as Linux does: one store of 8 bytes for each 64 of them that change."""
        before = self._words()
        self.bits[first:last] = value
        for index, (old, new) in enumerate(zip(before, self._words(), strict=True)):
            if self.watched and old != new:
                self.store(TABLE_HEADER + index * 8, int(old), int(new), vcpu=vcpu)

    def store(self, offset: int, old: int, new: int, size: int = 8, vcpu: int = 0) -> None:
        """An event: a store to the table of unaccepted memory."""
        self.event(Kind.TABLE_STORE, TABLE + offset, size, result=old, detail=new, vcpu=vcpu)

    def _words(self) -> npt.NDArray[np.uint64]:
        octets = np.packbits(self.bits, bitorder="little")
        return np.pad(octets, (0, -len(octets) % 8)).view("<u8")

    def accept_unit(self, gpa: int, vcpu: int = 0) -> None:
        """Conversion, assignment and accept of one unit, as platform and host have it."""
        if self.platform == "snp":
            self.event(Kind.CONVERT, gpa, UNIT_SIZE, detail=ConvertTo.PRIVATE, vcpu=vcpu)
        if self.backing == "2M":
            self.event(Kind.ASSIGN, gpa, UNIT_SIZE, vcpu=vcpu)
            self.accept_block(gpa, UNIT_SIZE, vcpu)
            return
        mismatch = SNP_SIZE_MISMATCH if self.platform == "snp" else TDX_SIZE_MISMATCH
        carry = 0 if self.platform == "snp" else NO_CARRY
        if self.platform == "snp":
            for page in range(gpa, gpa + UNIT_SIZE, PAGE_SIZE):
                self.event(Kind.ASSIGN, page, PAGE_SIZE, vcpu=vcpu)
        self.event(Kind.ACCEPT, gpa, UNIT_SIZE, result=mismatch, vcpu=vcpu, carry=carry)
        for page in range(gpa, gpa + UNIT_SIZE, PAGE_SIZE):
            if self.platform == "tdx":
                self.event(Kind.ASSIGN, page, PAGE_SIZE, vcpu=vcpu)
            self.accept_block(page, PAGE_SIZE, vcpu)

    def accept_block(self, gpa: int, size: int, vcpu: int = 0) -> None:
        """One successful accept."""
        carry = 0 if self.platform == "snp" else NO_CARRY
        self.event(Kind.ACCEPT, gpa, size, vcpu=vcpu, carry=carry)
        self._set(gpa, size, 2)

    def share(self, gpa: int, size: int, rescind: bool = True) -> None:
        """Convert accepted pages to shared."""
        if self.platform == "snp" and rescind:
            for page in range(gpa, gpa + size, PAGE_SIZE):
                self.event(Kind.RESCIND, page, PAGE_SIZE, carry=0)
        self.event(Kind.CONVERT, gpa, size, detail=ConvertTo.SHARED)
        self.event(Kind.REMOVE, gpa, size)
        self._set(gpa, size, 0)

    def unshare(self, gpa: int, size: int) -> None:
        """Convert shared pages back to private and accept them."""
        self.event(Kind.CONVERT, gpa, size, detail=ConvertTo.PRIVATE)
        for page in range(gpa, gpa + size, PAGE_SIZE):
            self.event(Kind.ASSIGN, page, PAGE_SIZE)
            self.accept_block(page, PAGE_SIZE)

    def plug(self, gpa: int, size: int) -> None:
        """The host adds memory above all other RAM."""
        more = (gpa + size) // PAGE_SIZE - len(self.true)
        if more > 0:
            self.true = np.append(self.true, np.zeros(more, np.uint8))
            self.ram = np.append(self.ram, np.zeros(more, np.bool_))
        self.event(Kind.PLUG, gpa, size, rip=0, caller=0)
        self.ram[gpa // PAGE_SIZE : (gpa + size) // PAGE_SIZE] = True
        self._set(gpa, size, 0)

    def unplug(self, gpa: int, size: int) -> None:
        """The guest gives added memory up, and the host removes it."""
        self.event(Kind.UNPLUG, gpa, size, rip=0, caller=0)
        self.ram[gpa // PAGE_SIZE : (gpa + size) // PAGE_SIZE] = False

    def keep(self, gpa: int, size: int) -> None:
        """A malicious host has kept what the guest had accepted before it gave the memory up."""
        self.event(Kind.ATTACK, gpa, size, detail=Attack.KEEP, rip=0, caller=0)
        self._set(gpa, size, 2)

    def boot(self) -> None:
        """From the first instruction to the first of userspace."""
        self.stage(Stage.DECOMPRESSOR)
        self.stage(Stage.KERNEL)
        self.share(self.layout.low - 16 * MIB, 4 * PAGE_SIZE)
        self.unshare(self.layout.low - 16 * MIB, 2 * PAGE_SIZE)
        low, top = self.layout.low, self.layout.top
        if self.accept == "eager":
            for number, start in enumerate(range(low, top, BLOCK)):
                self.accept_memory(start, min(BLOCK, top - start), number % self.cpus)
        else:
            self.accept_memory(low + 16 * MIB, BLOCK)
            self.accept_memory(low + 20 * MIB, BLOCK, vcpu=self.cpus - 1)
        self.stage(Stage.USERSPACE)
        self.meminfo("start")

    def work(self) -> None:
        """What userspace makes the kernel accept."""
        if self.accept == "lazy":
            self.accept_memory(self.layout.low + 40 * MIB, BLOCK)
        self.meminfo("end")

    def end(self) -> None:
        """The last snapshot, and the record that closes the stream."""
        self.console.append("ACCEPTLAB done")
        self.snapshot("end")
        self.event(Kind.END, detail=len(self.rows))

    def meminfo(self, label: str, extra_blocks: int = 0) -> None:
        """What init prints; blocks of 4 MiB with an unaccepted unit are on the kernel's list."""
        # A block is listed when any unit in it, or the one behind it, is unaccepted.
        ahead = np.append(self.bits[1:], False) | self.bits
        blocks = int(ahead.reshape(-1, BLOCK // UNIT_SIZE).any(axis=1).sum()) + extra_blocks
        total = self.layout.top // 1024
        self.console.append(
            f"ACCEPTLAB meminfo MemTotal={total} Unaccepted={blocks * BLOCK // 1024} "
            f"nr_unaccepted={blocks * BLOCK // PAGE_SIZE} label={label}"
        )

    # --- the folder ------------------------------------------------------------------------

    def records(self) -> Records:
        """The events as the emulator would write them."""
        return np.array(self.rows, dtype=RAW_DTYPE)

    def info(self) -> RunInfo:
        """run.json of this guest, before the events are converted."""
        layout = self.layout
        units = len(self.bits)
        return RunInfo(
            platform=self.platform,
            clock="instructions",
            outcome="userspace",
            kernel=Kernel(name="synthetic", version=self.release),
            command_line=f"accept_memory={self.accept}",
            machine=Machine(layout.top, self.cpus, self.accept, seed=1),
            handoff=Handoff(
                ram=tuple(layout.ram),
                accepted=tuple(layout.accepted),
                unaccepted=tuple(layout.unaccepted),
                blobs=(
                    Blob("unaccepted-table", TABLE, 2 * PAGE_SIZE),
                    Blob("initrd", 8 * MIB, MIB + 123),
                ),
                bitmap=Bitmap(TABLE, layout.low, UNIT_SIZE, -(-units // 8)),
            ),
            host=Host(self.backing, "demand"),
            probes=tuple(
                Probe(name, 0xFFFFFFFF81000000 + 64 * index)
                for index, name in enumerate(self.probes)
            ),
            reproduce=f"acceptlab run synthetic --platform {self.platform}",
        )

    def write(self, folder: Path, mutate: Mutation | None = None, **changes: Any) -> Path:
        """Write the run folder; ``mutate`` changes the records first, ``changes`` run.json."""
        records = self.records()
        return write_run(
            folder,
            mutate(records) if mutate else records,
            replace(self.info(), **changes),
            "\n".join(self.console) + "\n",
            self.files,
        )

    def _handoff(self) -> None:
        for start, size in self.layout.ram:
            self.event(Kind.RAM, start, size, rip=0, caller=0)
            self.ram[start // PAGE_SIZE : (start + size) // PAGE_SIZE] = True
        for start, size in self.layout.accepted:
            self.event(Kind.LAUNCH, start, size, rip=0, caller=0)
            self._set(start, size, 2)
        if self.watched:
            self.event(Kind.TABLE_WATCH, TABLE, self.table_size, detail=1, rip=0, caller=0)

    @property
    def table_size(self) -> int:
        """Bytes of the table: header and bitmap."""
        return TABLE_HEADER + -(-len(self.bits) // 8)

    def _set(self, gpa: int, size: int, state: int) -> None:
        self.true[gpa // PAGE_SIZE : (gpa + size) // PAGE_SIZE] = state

    def _runs(self) -> npt.NDArray[np.void]:
        value = np.where(self.ram, self.true, 255)
        starts = np.flatnonzero(np.diff(value, prepend=254))
        ends = np.append(starts[1:], len(value))
        runs = [
            (start * PAGE_SIZE, (end - start) * PAGE_SIZE, value[start])
            for start, end in zip(starts, ends, strict=True)
            if value[start] != 255
        ]
        return np.array(runs, dtype=PAGE_RUN)


def booted(**options: Any) -> Guest:
    """A guest that booted, worked and ended by the book."""
    guest = Guest(**options)
    guest.boot()
    guest.work()
    guest.end()
    return guest


def write_run(
    folder: Path, records: Records, info: RunInfo, console: str, files: dict[str, bytes]
) -> Path:
    """Write a whole run folder from its parts."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / "events.raw"
    records.tofile(raw)
    summary = convert_raw(raw, folder / "events.parquet")
    raw.unlink()
    (folder / "console.log").write_text(console)
    (folder / "bitmap").mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / "bitmap" / name).write_bytes(data)
    events = EventsInfo(summary.events, summary.complete, summary.problem, summary.sha256)
    write_run_json(folder, replace(info, events=events))
    return folder


def renumbered(records: Records) -> Records:
    """The same events with seq and the end record made right again."""
    records = records.copy()
    records["seq"] = np.arange(len(records))
    ends = np.flatnonzero(records["kind"] == Kind.END)
    records["detail"][ends] = ends
    return records
