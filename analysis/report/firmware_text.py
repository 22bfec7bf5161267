# SPDX-License-Identifier: GPL-2.0-only
"""What real firmware did in several runs, side by side, as text."""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.analysis.invariants.firmware_acts import NOT_YOURS, FirmwareActs
from acceptlab.analysis.run.run_info import NOT_KNOWN, RunInfo

Row = tuple[str, RunInfo, FirmwareActs]
"""Name of a run, its run.json, and its firmware's acts."""


def as_text(rows: Sequence[Row]) -> str:
    """Return a table with a column for each run, and the deviations below it."""
    table = [
        ("", [name for name, _, _ in rows]),
        ("firmware", [_title(info) for _, info, _ in rows]),
        ("platform", [info.platform for _, info, _ in rows]),
        ("memory, MiB", [f"{info.machine.memory >> 20:,}" for _, info, _ in rows]),
        ("vCPUs", [str(info.machine.cpus) for _, info, _ in rows]),
        ("accepted, MiB", [f"{acts.accepted / (1 << 20):,.1f}" for _, _, acts in rows]),
        ("accepts of 2M", [f"{acts.accepts_2m:,}" for _, _, acts in rows]),
        ("accepts of 4K", [f"{acts.accepts_4k:,}" for _, _, acts in rows]),
        ("conversions", [f"{acts.conversions:,}" for _, _, acts in rows]),
        ("of them implicit", [f"{acts.implicit:,}" for _, _, acts in rows]),
        ("exits", [_exits(info) for _, info, _ in rows]),
        ("clock at the kernel", [f"{acts.clock:,} {info.clock}" for _, info, acts in rows]),
        ("deviations", [str(len(acts.deviations) + len(acts.map_errors)) for _, _, acts in rows]),
    ]
    first = max(len(label) for label, _ in table)
    widths = [max(len(cells[at]) for _, cells in table) for at in range(len(rows))]
    lines = [
        "  ".join(
            [
                label.ljust(first),
                *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)),
            ]
        ).rstrip()
        for label, cells in table
    ]
    for name, _, acts in rows:
        lines += [f"{name}: {NOT_YOURS}: it {one}" for one in (*acts.deviations, *acts.map_errors)]
    return "\n".join(lines)


def _title(info: RunInfo) -> str:
    return info.firmware.title if info.firmware else NOT_KNOWN


def _exits(info: RunInfo) -> str:
    exits = info.firmware.exits if info.firmware else None
    return NOT_KNOWN if exits is None else f"{exits:,}"
