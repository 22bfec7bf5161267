# SPDX-License-Identifier: GPL-2.0-only
"""`collect --boot`: a kernel that traces its own boot sees the accepts that the emulator sees, from the initcalls on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.readers.conversion import Imported
from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.guest import debian_root
from acceptlab.toolkit.guest.initramfs import initramfs
from acceptlab.toolkit.hardware.recording import from_console
from acceptlab.toolkit.run import boot_tracing
from tests.boots import series_kernel
from tests.boots.accepted_pages import accepted_pages, assert_part_of
from tests.boots.conftest import Boot, BootGuest
from tests.boots.out_of_guest import PRINT, unpack

UNIT = 2 << 20
MACHINE = ("--memory", "1G", "--firmware-accepts", "minimal", "--workload", "touch:600M", "--workload", "ftrace")  # fmt: skip


def seen_by_itself(run: Boot, folder: Path) -> Imported:
    """What the guest printed of its own trace, as folder/events.parquet."""
    got = from_console(run.folder / "console.log", folder / "events.parquet")
    assert got is not None and got.events.complete, got
    assert "early" in got.absent and got.source == "ftrace"
    return got


def names(got: Imported) -> set[str]:
    """The functions whose calls it saw."""
    return {probe.name for probe in got.probes}


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


def test_a_td_s_own_trace_names_what_the_emulator_saw(boot: BootGuest, tmp_path: Path) -> None:
    words = boot_tracing.command_line("tdx", ["handle_mm_fault"])
    run = boot("debian:6.12", "--platform", "tdx", *MACHINE, "--append", words)
    got = seen_by_itself(run, tmp_path)
    assert got.platform == "tdx" and "accept" not in got.absent
    assert {"accept_memory", "handle_mm_fault"} <= names(got)
    seen = accepted_pages(tmp_path)
    assert_part_of(seen, accepted_pages(run.folder))
    assert len(seen) * 4096 > 64 << 20


def test_an_snp_guest_of_a_stock_kernel_traces_calls_and_no_accepts(
    boot: BootGuest, tmp_path: Path
) -> None:
    run = boot("debian:6.12", "--platform", "snp", *MACHINE, "--append", boot_tracing.command_line("snp"))  # fmt: skip
    got = seen_by_itself(run, tmp_path)
    assert "accept" in got.absent and "accept_memory" in names(got)
    accepts = [row for row in rows(run.folder, "accept") if row["stage"] == "userspace"]
    late = units([row for row in accepts if row["result"] == 0])
    asked = units(rows(tmp_path, "probe-enter"))
    assert late and late <= asked | {unit + 1 for unit in asked}  # the guard unit
    assert len(rows(tmp_path, "probe-return")) == len(rows(tmp_path, "probe-enter"))


CALLED = {
    "lazy-accept": {"accept_memory"},
    "accept-trace": set[str](),
    "accept-trace-7.x": set[str](),
}
"""Functions that a kernel calls after its initcalls; accept-trace has callers say why, by another function."""


@pytest.mark.long
@pytest.mark.parametrize("series", series_kernel.SERIES)
@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_a_kernel_takes_our_bootconfig(
    platform: str, series: str, boot: BootGuest, tmp_path: Path
) -> None:
    """Of kernels with our tracepoints, which show accepts on SNP as well."""
    kernel = series_kernel.image(series)
    image = boot_tracing.with_bootconfig(
        initramfs().read_bytes(), boot_tracing.bootconfig(platform)
    )
    (tmp_path / "initrd").write_bytes(image)
    run = boot(
        kernel, "--platform", platform, *MACHINE, "--initrd", str(tmp_path / "initrd"),
        "--append", "bootconfig",
    )  # fmt: skip
    assert "Load bootconfig:" in run.console
    got = seen_by_itself(run, tmp_path)
    assert CALLED[series] <= names(got)
    seen = accepted_pages(tmp_path)
    assert set(seen) <= set(accepted_pages(run.folder))
    assert len(seen) * 4096 > 64 << 20


READ = f"""\
python3 -m acceptlab.toolkit collect --boot read --platform $PLATFORM --out /read --json >/answer.json
python3 - read answer.json <<'END'{PRINT}END
"""


def read_inside(boot: BootGuest, kernel: str, platform: str, folder: Path, *words: str) -> Boot:
    """Boot a Debian userspace in which `collect --boot read` is run; its run folder is folder/read, what it said folder/answer.json."""
    initrd = folder / "initrd"
    initrd.write_bytes(
        debian_root.initramfs(READ.replace("$PLATFORM", platform), debian_root.whole())
    )
    if "bootconfig" in words:
        text = boot_tracing.bootconfig(platform)
        initrd.write_bytes(boot_tracing.with_bootconfig(initrd.read_bytes(), text))
    machine = ("--platform", platform, "--memory", "6G", "--firmware-accepts", "minimal")
    done = boot(kernel, *machine, "--initrd", str(initrd), "--append", *words)
    initrd.unlink()
    unpack(done.console, folder)
    return done


def check_read(accepted: list[int], folder: Path, kernel: str, second: str) -> None:
    """What was read inside is part of what the emulator saw accepted, tells of its kernel, and is not judged clean."""
    answer = json.loads((folder / "answer.json").read_text())
    read = folder / "read"
    info = Run.open(read).info
    assert answer["complete"] and answer["events"] == info.events.count > 100
    assert (info.source, info.events.complete) == ("ftrace", True)
    assert info.kernel.version.startswith(kernel)
    named = {probe.name: probe.arguments for probe in info.probes}
    assert named["accept_memory"] == ("start", second)
    assert (read / "trace.txt").is_file()
    assert {"early", "page-states"} <= set(info.absent)
    assert replay_run(read, write=False).verdict == "undecided"
    seen = accepted_pages(read)
    assert_part_of(seen, accepted)
    assert len(seen) * 4096 > 128 << 20


needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="creating a Debian userspace needs debootstrap and root"
)


@needs_root
@pytest.mark.long
@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_boot_read_in_a_guest_with_our_bootconfig(
    platform: str, boot: BootGuest, tmp_path: Path
) -> None:
    """The tracepoints of the series' kernel, which do not tell of what becomes private again."""
    done = read_inside(boot, series_kernel.image("lazy-accept"), platform, tmp_path, "bootconfig")
    release = done.run["kernel"]["version"]
    second = "end" if release.startswith("6.1.") else "size"
    check_read(list(dict.fromkeys(accepted_pages(done.folder))), tmp_path, release, second)


@needs_root
@pytest.mark.long
def test_boot_read_in_a_guest_of_a_stock_kernel(boot: BootGuest, tmp_path: Path) -> None:
    """Kprobes from the command line."""
    words = boot_tracing.command_line("tdx")
    done = read_inside(boot, "debian:6.12", "tdx", tmp_path, words)
    check_read(accepted_pages(done.folder), tmp_path, "6.12.", "size")
