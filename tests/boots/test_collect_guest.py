# SPDX-License-Identifier: GPL-2.0-only
"""`collect --guest`, inside an emulated guest with a Debian userspace: bcc sees every accept that the emulator sees, and who asked.

On SNP the stock kernel's hook is `notrace`: its calls of accept_memory() are seen, which may be for memory that is accepted already. Our
series' tracepoints show the accepts of both platforms.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.guest import debian_root
from tests.boots import series_kernel
from tests.boots.accepted_pages import accepted_pages, assert_part_of
from tests.boots.conftest import Boot, BootGuest
from tests.boots.out_of_guest import unpack

pytestmark = pytest.mark.long
JOB = Path(__file__).with_name("collect_guest_job.py")
"""Runs in the guest: two collections, the second of which is killed."""


@dataclass(frozen=True)
class Collected:
    """A boot, the folder of what was collected in it and of what a killed collection left, and what the job found."""

    own: Boot
    folder: Path
    killed: Path
    found: dict[str, Any]


Collect = Callable[[str, str], Collected]


@pytest.fixture(scope="module")
def collected(boot: BootGuest, tmp_path_factory: pytest.TempPathFactory) -> Collect:
    """Return the function that boots a kernel as a guest of a platform, and collects in it."""
    if os.geteuid() != 0:
        pytest.skip("creating a Debian userspace needs debootstrap and root")
    folder = tmp_path_factory.mktemp("debian")

    @cache
    def run(kernel: str, platform: str) -> Collected:
        initrd = folder / f"{platform}-initrd"
        job = f"python3 - {platform} <<'END'\n{JOB.read_text()}END\n"
        initrd.write_bytes(debian_root.initramfs(job, debian_root.whole()))
        words = ("--platform", platform, "--memory", "6G", "--initrd", str(initrd))
        done = boot(kernel, *words)
        initrd.unlink()
        where = folder / f"{Path(kernel).parent.name}-{platform}"
        unpack(done.console, where)
        found = json.loads((where / "found.json").read_text())
        return Collected(done, where / "collected", where / "killed", found)

    return run


def accepts(folder: Path) -> list[dict[str, Any]]:
    table = pq.read_table(folder / "events.parquet").to_pylist()
    return [row for row in table if row["kind"] == "accept"]


def test_accepts_are_those_of_the_emulator(collected: Collect) -> None:
    done = collected("debian:6.12", "tdx")
    pages = accepted_pages(done.folder)
    assert_part_of(pages, accepted_pages(done.own.folder))
    assert len(pages) * 4096 > 512 << 20
    info = Run.open(done.folder).info
    assert info.kernel.version == done.own.run["kernel"]["version"]
    named = {probe.name: probe.arguments for probe in info.probes}
    assert named["accept_memory"] == ("start", "size")
    assert (info.source, info.events.complete, info.platform) == ("ebpf", True, "tdx")
    assert {"early", "assign", "page-states"} <= set(info.absent)
    assert replay_run(done.folder, write=False).verdict == "undecided"


def test_accepts_have_durations_stacks_and_processes(collected: Collect) -> None:
    done = collected("debian:6.12", "tdx")
    assert all(row["duration"] > 0 and row["caller"] for row in accepts(done.folder))
    text = (done.folder / "trace.txt").read_text()
    calls = [line for line in text.splitlines() if line.startswith("enter tdx_accept")]
    named = sum("name=python3" in line and "get_page_from_freelist" in line for line in calls)
    assert named > len(calls) // 2


def test_exceptions_for_the_guest_are_seen(collected: Collect) -> None:
    done = collected("debian:6.12", "tdx")
    assert "enter tdx_handle_virt_exception" in (done.folder / "trace.txt").read_text()


def test_a_terminal_shows_what_is_accepted_and_by_whom(collected: Collect) -> None:
    shown = collected("debian:6.12", "tdx").found["shown"]
    mib = [float(one.replace(",", "")) for one in re.findall(r"accepted +([\d,.]+) MiB in", shown)]
    assert mib == sorted(mib) and mib[-1] > 512
    assert re.search(r"get_page_from_freelist +[\d,]+ accepts", shown)
    assert re.search(r"events +[\d,]+ \([\d,]+ a second\)", shown)


def test_killed_it_leaves_a_readable_folder_and_nothing_in_the_kernel(collected: Collect) -> None:
    done = collected("debian:6.12", "tdx")
    while_it_ran, left = done.found["while it ran"], done.found["left by the killed one"]
    assert while_it_ran["probes"] and while_it_ran["programs"]
    assert left == {"probes": [], "programs": 0, "maps": 0, "processes": []}
    assert done.found["after the first"] == left
    assert not Run.open(done.killed).info.events.complete
    assert replay_run(done.killed, write=False).verdict == "undecided"
    assert done.found["imported"]["events"] > 0 and not done.found["imported"]["complete"]


def test_what_the_stock_snp_kernel_hides_is_absent(collected: Collect) -> None:
    done = collected("debian:6.12", "snp")
    assert "snp_accept_memory cannot be probed" in done.found["shown"]
    assert "accept" in Run.open(done.folder).info.absent
    asked = {
        page
        for row in pq.read_table(done.folder / "events.parquet").to_pylist()
        if row["kind"] == "probe-enter" and row["detail"] == 0
        for page in range(row["gpa"] >> 12, (row["gpa"] + row["size"]) >> 12)
    }
    assert asked
    assert asked <= set(accepted_pages(done.own.folder))
    text = (done.folder / "trace.txt").read_text()
    assert re.search(r"^enter accept_memory .* size=0x", text, re.MULTILINE)


@pytest.mark.parametrize("series", series_kernel.SERIES)
@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_our_tracepoints_show_the_accepts_of_both_platforms(
    platform: str, series: str, collected: Collect
) -> None:
    done = collected(series_kernel.image(series), platform)
    assert "accept_memory_begin, accept_memory_end" in done.found["shown"]
    pages = accepted_pages(done.folder)
    assert set(pages) <= set(accepted_pages(done.own.folder))
    assert len(pages) * 4096 > 512 << 20
    assert all(row["duration"] > 0 and row["caller"] for row in accepts(done.folder))
    text = (done.folder / "trace.txt").read_text()
    assert "reason=alloc" in text
    if (
        series == "lazy-accept"
    ):  # in kernels of the others nothing calls accept_memory(): they pass the reason, too
        assert re.search(r"^enter accept_memory .* end=0x", text, re.MULTILINE)
