# SPDX-License-Identifier: GPL-2.0-only
"""Debian's 6.12 starts a second kernel, by kexec and by a crash; where that goes wrong, the verdict says why."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.boots.conftest import Boot, BootGuest

KERNEL = "debian:6.12"
STAGES = ["second-decompressor", "second-kernel", "second-userspace"]

DEFECTS = {
    "--platform snp --memory 2G --workload kexec": "accessed a page that the first kernel left shared",
    "--platform tdx --memory 2G --firmware-accepts minimal --seed 3 --append swiotlb=2048 --workload kexec": (
        "loaded a second kernel into unaccepted memory"
    ),
    "--platform snp --memory 2G --workload kdump --workload vmcore": (
        "accessed a page that the first kernel left shared"
    ),
}
"""What a run of the stock kernel ends with; docs/defects.md lists them."""


def reached(boot: Boot) -> list[str]:
    return [stage for stage in STAGES if stage in boot.run["report"]["stages"]]


def check(boot: Boot, started_by: str) -> None:
    assert (boot.run["outcome"], reached(boot)) == ("userspace", STAGES), boot.output
    assert boot.verdict["verdict"] == "clean", boot.verdict["findings"]
    assert boot.run["second"]["started_by"] == started_by


@pytest.mark.long
def test_kexec_reaches_userspace_again(boot: BootGuest) -> None:
    check(boot(KERNEL, "--platform", "tdx", "--memory", "2G", "--workload", "kexec"), "kexec")


def test_requests_and_lock_of_a_second_kernel_are_watched(boot: BootGuest) -> None:
    """By the probes that every run has, where that kernel lies."""
    words = "--platform tdx --memory 2G --firmware-accepts minimal --workload kexec"
    run = boot(KERNEL, *words.split())
    check(run, "kexec")
    assert run.verdict["not_decided"] == []
    table = pq.read_table(run.folder / "events.parquet", columns=["kind", "stage", "detail", "gpa"])
    entered = [row for row in table.to_pylist() if row["kind"] == "probe-enter"]
    names = [probe["name"] for probe in run.run["probes"]]
    lock = names.index("unaccepted_memory_lock")
    for stages, offset in (
        (("kernel", "userspace"), "kaslr_offset"),
        (("second-kernel", "second-userspace"), "second_kaslr_offset"),
    ):
        mine = [row for row in entered if row["stage"] in stages]
        assert names.index("accept_memory") in {row["detail"] for row in mine}
        here = run.run["probes"][lock]["address"] + int(run.run["report"][offset], 0)
        locks = [row for row in mine if "spin" in names[row["detail"]]]
        assert locks and {row["gpa"] for row in locks} == {here % (1 << 64)}


@pytest.mark.long
def test_a_crash_kernel_reads_all_that_the_crashed_one_had(boot: BootGuest) -> None:
    words = (
        "--platform tdx --memory 2G --firmware-accepts minimal --workload kdump --workload vmcore"
    )
    run = boot(KERNEL, *words.split())
    check(run, "kdump")
    read = int(run.console.split("ACCEPTLAB workload vmcore bytes=")[1].split()[0])
    assert read > (2 << 30) - (300 << 20)  # all but the memory set apart for the crash kernel


@pytest.mark.long
@pytest.mark.parametrize("words", DEFECTS)
def test_the_verdict_tells_why_a_second_kernel_fails(boot: BootGuest, words: str) -> None:
    run = boot(KERNEL, *words.split())
    assert run.exit_code == 1
    assert run.run["outcome"] == "stopped"
    assert [one["title"] for one in run.verdict["findings"]] == [DEFECTS[words]]


@pytest.mark.parametrize("words", DEFECTS)
def test_the_list_of_defects_has_the_commands(words: str) -> None:
    assert (
        f"`./acceptlab run {KERNEL} {words} --replay`" in (CHECKOUT / "docs/defects.md").read_text()
    )
