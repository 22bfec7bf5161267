# SPDX-License-Identifier: GPL-2.0-only
"""Debian's 6.12 starts a second kernel, by kexec and by a crash; where that goes wrong, the verdict says why."""

from __future__ import annotations

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


def test_kexec_reaches_userspace_again(boot: BootGuest) -> None:
    check(boot(KERNEL, "--platform", "tdx", "--memory", "2G", "--workload", "kexec"), "kexec")


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
