# SPDX-License-Identifier: GPL-2.0-only
"""The words that make a guest trace itself on hardware, given to a guest in the emulator, which sees what it traces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from analysis.readers.imported import Imported
from tests.boots.conftest import Boot, BootGuest
from toolkit.hardware.collect import from_console
from toolkit.hardware.guest_trace import trace_words

UNIT = 2 << 20
MOST = "touch:1536M"
"""Of 2 GiB: the workload makes the kernel accept, long after ftrace has begun."""


def traced(boot: BootGuest, platform: str, folder: Path) -> tuple[Boot, Imported]:
    """A guest that traced itself, and what its console tells of that, as folder/events.parquet."""
    words = ["--platform", platform, "--memory", "2G", "--firmware-accepts", "minimal"]
    words += ["--workload", MOST, "--workload", "ftrace"]
    run = boot("debian:6.12", *words, "--append", " ".join(trace_words(platform, [])))
    got = from_console(run.folder / "console.log", folder / "events.parquet")
    assert got is not None and got.events.complete, got
    return run, got


def rows(folder: Path, kind: str) -> list[dict[str, Any]]:
    columns = ["kind", "stage", "gpa", "size", "carry", "result"]
    table = pq.read_table(folder / "events.parquet", columns=columns).to_pylist()
    return [row for row in table if row["kind"] == kind and row["carry"] != 1]


def units(some: list[dict[str, Any]]) -> set[int]:
    """The units that (gpa, size) cover."""
    return {
        unit
        for row in some
        for unit in range(row["gpa"] // UNIT, -(-(row["gpa"] + row["size"]) // UNIT))
    }


def accepted(run: Boot, stages: set[str]) -> set[int]:
    found = [row for row in rows(run.folder, "accept") if row["stage"] in stages]
    return units([row for row in found if row["result"] == 0])


def test_a_td_s_own_trace_names_what_the_emulator_saw(boot: BootGuest, tmp_path: Path) -> None:
    run, got = traced(boot, "tdx", tmp_path)
    assert got.platform == "tdx" and "accept" not in got.absent
    found = units(rows(tmp_path, "accept"))
    late = accepted(run, {"userspace"})
    assert late and late <= found
    assert found <= accepted(run, {"kernel", "userspace"})


def test_an_snp_guest_of_a_stock_kernel_traces_calls_and_no_accepts(
    boot: BootGuest, tmp_path: Path
) -> None:
    run, got = traced(boot, "snp", tmp_path)
    assert "accept" in got.absent and "accept_memory" in got.probes
    late = accepted(run, {"userspace"})
    asked = units(rows(tmp_path, "probe-enter"))
    assert late and late <= asked | {unit + 1 for unit in asked}  # the guard unit
    assert len(rows(tmp_path, "probe-return")) == len(rows(tmp_path, "probe-enter"))
