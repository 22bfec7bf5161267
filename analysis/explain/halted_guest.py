# SPDX-License-Identifier: GPL-2.0-only
"""A guest that is halted at one moment of a run: registers, stack, page, bitmap; as an object and as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from acceptlab.analysis.explain.halted_locks import locks_lines, locks_object
from acceptlab.analysis.explain.life import Life
from acceptlab.analysis.explain.sentences import sentence
from acceptlab.analysis.explain.why import unit_of
from acceptlab.analysis.kernel.symbols import RunSymbols
from acceptlab.analysis.pages.snapshots import Snapshot, read_snapshot
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import Bitmap
from acceptlab.analysis.trace.schema import STAGE_NAMES

AROUND = 16
"""Units of the bitmap that are shown on each side."""
EVENTS = 8
"""Latest events of the page that are shown."""
_STATES = ("owned by host", "not accepted", "accepted")
"""Page states of a snapshot (analysis.pages.snapshots)."""
_COLUMNS = 4
_REGISTERS = (
    "rip", "rsp", "rbp", "rflags", "rax", "rbx", "rcx", "rdx", "rsi", "rdi",
    *(f"r{number}" for number in range(8, 16)), "cr0", "cr2", "cr3", "cr4", "cs", "gs-base",
)  # fmt: skip
"""In the order in which they are shown; the emulator's report has them in none."""

Json = dict[str, Any]


def halted_object(
    run: Run,
    title: str,
    report: Json,
    folder: Path,
    symbols: RunSymbols,
    life: Life | None,
    before: int | None,
) -> Json:
    """Return what is known of the halted guest. `life` is that of the page in question, `before` the last event that counts."""
    stage = STAGE_NAMES.index(report["stage"]) if report.get("stage") in STAGE_NAMES else None
    snapshot = _latest(folder)
    return {
        "run": str(run.path),
        "moment": title,
        "instructions": report.get("instructions"),
        "stage": report.get("stage"),
        "vcpu": report.get("vcpu"),
        "kaslr_offset": report.get("kaslr_offset"),
        "vcpus": [_cpu(one, symbols, stage) for one in report.get("vcpus", [])],
        "lock": locks_object(report, symbols, run.info.handoff.bitmap, stage),
        "page": None if life is None else _page(run, life, snapshot, before),
        "bitmap": None if life is None else _bitmap(run.info.handoff.bitmap, snapshot, life.gpa),
    }


def _cpu(one: Json, symbols: RunSymbols, stage: int | None) -> Json:
    stack = [int(word, 16) for word in one.get("stack", [])]
    return {
        "vcpu": one["vcpu"],
        "function": symbols.name_of(int(one["rip"], 16), stage),
        "source": symbols.source_of(int(one["rip"], 16), stage),
        "registers": {name: one["registers"].get(name, "0x0") for name in _REGISTERS},
        "stack": [
            _frame(place, word, symbols, stage)
            for place, word in enumerate(stack)
            if symbols.name_of(word, stage)
        ],
    }


def _frame(place: int, word: int, symbols: RunSymbols, stage: int | None) -> Json:
    """Return a word of the stack that points into code; what pushed it is not known, so that it may be an old one."""
    return {
        "at": place * 8,
        "address": f"{word:#x}",
        "function": symbols.name_of(word, stage),
        "source": symbols.source_of(word - 1, stage),
    }


def _latest(folder: Path) -> Snapshot | None:
    numbers = [int(one.name[:4]) for one in folder.glob("[0-9][0-9][0-9][0-9]-*.pages")]
    return read_snapshot(folder, max(numbers)) if numbers else None


def _page(run: Run, life: Life, snapshot: Snapshot | None, before: int | None) -> Json:
    moments = [one for one in life.moments if before is None or one.event["seq"] <= before]
    return {
        "gpa": f"{life.gpa:#x}",
        "state": _state(snapshot, life.gpa),
        "events": [
            {
                "seq": one.event["seq"],
                "kind": one.event["kind"],
                "sentence": sentence(one, unit_of(run)),
            }
            for one in moments[-EVENTS:]
        ],
    }


def _state(snapshot: Snapshot | None, gpa: int) -> str | None:
    if snapshot is None or snapshot.runs is None:
        return None
    runs = snapshot.runs
    mine = np.flatnonzero((runs["start"] <= gpa) & (gpa - runs["start"] < runs["size"]))
    return _STATES[int(runs["state"][mine[0]])] if len(mine) else None


def _bitmap(table: Bitmap | None, snapshot: Snapshot | None, gpa: int) -> Json | None:
    """Return the bits around the page's, as Linux's table has them; None where there is none, or the page is not in it."""
    if table is None or snapshot is None or snapshot.bits is None or gpa < table.phys_base:
        return None
    unit = (gpa - table.phys_base) // table.unit_size
    if unit >= len(snapshot.bits):
        return None
    first = max(0, unit - AROUND)
    bits = snapshot.bits[first : unit + AROUND + 1]
    return {
        "unit_size": table.unit_size,
        "first": f"{table.phys_base + first * table.unit_size:#x}",
        "unit": unit - first,
        "unaccepted": [bool(bit) for bit in bits],
    }


def halted_text(found: Json) -> str:
    """Return the same for people."""
    lines = [
        f"Halted at {found['moment']}: vCPU {found['vcpu']}, stage {found['stage']}, {found['instructions']:,} instructions."
    ]
    for one in found["vcpus"]:
        lines += ["", *_cpu_lines(one)]
    if found["lock"]:
        lines += ["", *locks_lines(found["lock"])]
    if found["page"]:
        lines += ["", *_page_lines(found["page"])]
    if found["bitmap"]:
        lines += _bitmap_lines(found["bitmap"])
    return "\n".join(lines)


def _cpu_lines(one: Json) -> list[str]:
    source = f" ({one['source']})" if one["source"] else ""
    lines = [f"vCPU {one['vcpu']} at {one['function'] or one['registers']['rip']}{source}"]
    shown = [f"{name:<7} {int(value, 16):>16x}" for name, value in one["registers"].items()]
    lines += ["  " + "  ".join(shown[at : at + _COLUMNS]) for at in range(0, len(shown), _COLUMNS)]
    if one["stack"]:
        lines.append(
            "  stack (~: an address on the stack, which may be left over from an earlier call)"
        )
    for frame in one["stack"]:
        source = f" ({frame['source']})" if frame["source"] else ""
        lines.append(f"    rsp+{frame['at']:<#5x} ~ {frame['function']}{source}")
    return lines


def _page_lines(page: Json) -> list[str]:
    lines = [f"Page {page['gpa']}: {page['state'] or 'state not known'}. Its latest events:"]
    return lines + [f"  #{one['seq']} {one['sentence']}" for one in page["events"]]


def _bitmap_lines(bitmap: Json) -> list[str]:
    bits = "".join("1" if bit else "0" for bit in bitmap["unaccepted"])
    at = bitmap["unit"]
    marked = f"{bits[:at]}[{bits[at]}]{bits[at + 1 :]}"
    return [
        f"Bitmap from {bitmap['first']}, a bit for {bitmap['unit_size'] >> 10} KiB, 1: unaccepted: {marked}"
    ]
