# SPDX-License-Identifier: GPL-2.0-only
"""`collect --guest`, inside an emulated guest with a Debian userspace: bcc sees every accept that the emulator sees, and who asked.

On SNP this kernel's hook is `notrace`: its calls of accept_memory() are seen, which may be for memory that is accepted already.
"""

from __future__ import annotations

import base64
import gzip
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analysis.run_folder import Run
from tests.boots.accepted_pages import accepted_pages, assert_part_of
from tests.boots.conftest import Boot, BootGuest
from toolkit.guests import debian

pytestmark = pytest.mark.long
JOB = """\
python3 -m toolkit.collect.guest /trace.txt 2>/log &
until grep -q ^collecting: /log; do
	kill -0 $! || break
	sleep 0.1
done
cat /log
python3 -c '
import mmap
memory = mmap.mmap(-1, 640 << 20)
for page in range(0, 640 << 20, 4096): memory[page] = 1
'
kill -TERM $!
wait $!
tail -n 1 /log
gzip -c /trace.txt | base64 | sed "s/^/ACCEPTLAB file /"
"""


@pytest.fixture(scope="module")
def collected(
    boot: BootGuest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Boot, Path]]:
    """Return the function that boots a guest of a platform, and gives it with the run that was collected in it."""
    if os.geteuid() != 0:
        pytest.skip("a Debian userspace is made by debootstrap, which needs root")
    folder = tmp_path_factory.mktemp("debian")
    (folder / "initrd").write_bytes(debian.initramfs(JOB))

    @cache
    def run(platform: str) -> tuple[Boot, Path]:
        done = boot(
            "debian:6.12",
            "--platform",
            platform,
            "--memory",
            "5G",
            "--initrd",
            str(folder / "initrd"),
        )
        lines = re.findall(r"^ACCEPTLAB file (\S+)\r?$", done.console, re.MULTILINE)
        (folder / f"{platform}.txt").write_bytes(gzip.decompress(base64.b64decode("".join(lines))))
        command = [
            sys.executable,
            "-m",
            "toolkit",
            "import",
            str(folder / f"{platform}.txt"),
            "--run",
            str(done.folder),
        ]
        subprocess.run([*command, "--out", str(folder / platform)], check=True)
        return done, folder / platform

    return run


def test_accepts_are_those_of_the_emulator(collected: Callable[[str], tuple[Boot, Path]]) -> None:
    own, seen = collected("tdx")
    pages = accepted_pages(seen)
    assert_part_of(pages, accepted_pages(own.folder))
    assert len(pages) * 4096 > 512 << 20
    info = Run.open(seen).info
    assert (info.source, info.events.complete) == ("ebpf", True)
    assert {"early", "assign", "page-states"} <= set(info.absent)


def test_accepts_have_durations_stacks_and_processes(
    collected: Callable[[str], tuple[Boot, Path]],
) -> None:
    _, seen = collected("tdx")
    rows = [
        row for row in pq.read_table(seen / "events.parquet").to_pylist() if row["kind"] == "accept"
    ]
    assert all(row["duration"] > 0 and row["caller"] for row in rows)
    calls = [
        line
        for line in (seen.parent / "tdx.txt").read_text().splitlines()
        if line.startswith("enter tdx_accept")
    ]
    assert (
        sum("name=python3" in line and "get_page_from_freelist" in line for line in calls)
        > len(calls) // 2
    )


def test_exceptions_for_the_guest_are_seen(collected: Callable[[str], tuple[Boot, Path]]) -> None:
    _, seen = collected("tdx")
    assert "enter tdx_handle_virt_exception" in (seen.parent / "tdx.txt").read_text()


def test_what_the_snp_kernel_hides_is_absent(collected: Callable[[str], tuple[Boot, Path]]) -> None:
    own, seen = collected("snp")
    assert "snp_accept_memory cannot be probed" in own.console
    assert "accept" in Run.open(seen).info.absent
    asked = {
        page
        for row in pq.read_table(seen / "events.parquet").to_pylist()
        if row["kind"] == "probe-enter" and row["detail"] == 0
        for page in range(row["gpa"] >> 12, (row["gpa"] + row["size"]) >> 12)
    }
    accepted = accepted_pages(own.folder)
    assert asked
    assert asked <= set(accepted)
