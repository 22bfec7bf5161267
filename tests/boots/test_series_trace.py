# SPDX-License-Identifier: GPL-2.0-only
"""Kernels with our tracepoints report their accepts by ftrace, in debugfs and in vmstat: what the emulator saw, and eBPF on the emulator."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import ConvertTo
from acceptlab.toolkit.collect import permission
from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.places import CHECKOUT
from tests.boots.accepted_pages import PAGE, assert_part_of

pytestmark = pytest.mark.long
OURS = "lazy-accept"
ON_MAINLINE = "accept-trace-7.x"
EACH = pytest.mark.parametrize(
    ("series", "platform"), [(s, p) for s in (OURS, ON_MAINLINE) for p in ("snp", "tdx")]
)
MACHINE = (
    "--memory", "2G", "--firmware-accepts", "minimal",
    "--workload", "touch:512M", "--workload", "stats", "--workload", "ftrace",
)  # fmt: skip
TRACE = "trace_event=accept trace_buf_size=16M"
IN_VMSTAT = re.compile(r"ACCEPTLAB stats pgaccept_(\w+) (\d+)$", re.MULTILINE)
BY_REASON = re.compile(r"ACCEPTLAB stats reason=(\w+) ranges=(\d+) bytes=(\d+) ")


class Recorded(NamedTuple):
    """One boot as three saw it: the emulator, eBPF on its probes, and the guest's own ftrace."""

    own: Path
    ebpf: Path
    ftrace: Path


Record = Callable[[str, str], Recorded]
"""Takes a series and a platform."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Return the function that boots a series' kernel on a platform, and records that three times."""
    folder = tmp_path_factory.mktemp("three")

    def acceptlab(*words: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "acceptlab.toolkit", *words], cwd=CHECKOUT, check=True
        )

    @cache
    def record(series: str, platform: str) -> Recorded:
        try:
            kernel = str(resolve(series).image)
            permission.check_uprobes()
        except AcceptlabError as error:
            pytest.skip(f"acceptlab series build {series}, as root: {error}")
        own, ebpf, ftrace = (
            folder / f"{series}-{platform}-{by}" for by in ("own", "ebpf", "ftrace")
        )
        guest = [kernel, "--platform", platform, *MACHINE, "--append", TRACE, "--out", str(own)]
        acceptlab("collect", "--out", str(ebpf), "--", *guest)
        acceptlab("import", str(own / "console.log"), "--run", str(own), "--out", str(ftrace))
        return Recorded(own, ebpf, ftrace)

    return record


def pages(folder: Path, kind: str, to: int | None = None) -> list[int]:
    """Page numbers of the kernel's events of a kind, in order; of conversions, those to one state."""
    columns = ["kind", "stage", "gpa", "size", "detail"]
    return [
        page
        for row in pq.read_table(folder / "events.parquet", columns=columns).to_pylist()
        if row["kind"] == kind and row["stage"] in ("kernel", "userspace")
        if to is None or row["detail"] == to
        for page in range(row["gpa"] // PAGE, (row["gpa"] + row["size"]) // PAGE)
    ]


def first_accepts(folder: Path) -> list[int]:
    """Page numbers that the kernel accepted, in order, but for those that had been shared and became private again."""
    columns = ["kind", "stage", "gpa", "size", "result", "carry", "detail"]
    shared: set[int] = set()
    found: list[int] = []
    for row in pq.read_table(folder / "events.parquet", columns=columns).to_pylist():
        here = range(row["gpa"] // PAGE, (row["gpa"] + row["size"]) // PAGE)
        if row["kind"] == "convert" and row["detail"] == ConvertTo.SHARED:
            shared.update(here)
        elif row["kind"] == "accept" and row["result"] == 0 and row["carry"] != 1:
            first = [page for page in here if page not in shared]
            shared.difference_update(here)
            found += first if row["stage"] in ("kernel", "userspace") else []
    return found


@EACH
def test_three_recorders_agree(recorded: Record, series: str, platform: str) -> None:
    one = recorded(series, platform)
    seen = pages(one.ftrace, "accept")
    assert len(seen) * PAGE > 256 << 20
    assert_part_of(seen, first_accepts(one.own))
    assert seen[-1] == first_accepts(one.own)[-1], "the trace ends with the last accept"
    assert pages(one.ebpf, "accept") == pages(one.own, "accept")
    assert Run.open(one.ftrace).info.events.complete and Run.open(one.ebpf).info.events.complete


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_conversions_are_those_of_the_emulator(recorded: Record, platform: str) -> None:
    one = recorded(OURS, platform)
    shared = pages(one.ftrace, "convert", ConvertTo.SHARED)
    assert len(shared) * PAGE > 64 << 20
    assert set(shared) <= set(pages(one.own, "convert", ConvertTo.SHARED))


@EACH
def test_sums_by_reason_are_all_that_was_accepted(
    recorded: Record, series: str, platform: str
) -> None:
    one = recorded(series, platform)
    console = (one.own / "console.log").read_text(errors="replace")
    sums = {found[1]: int(found[3]) for found in BY_REASON.finditer(console)}
    assert {"memblock", "alloc"} <= {reason for reason, size in sums.items() if size}
    assert sum(sums.values()) == PAGE * len(first_accepts(one.own))


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_vmstat_has_the_sums_of_debugfs(recorded: Record, platform: str) -> None:
    console = (recorded(ON_MAINLINE, platform).own / "console.log").read_text(errors="replace")
    console = console.replace("\r", "")
    sums = {found[1]: int(found[3]) for found in BY_REASON.finditer(console)}
    pages = {found[1]: int(found[2]) * PAGE for found in IN_VMSTAT.finditer(console)}
    assert sums == {reason: size for reason, size in pages.items() if reason in sums}
    assert pages["memblock"] and pages["alloc"] and not pages["unknown"]
