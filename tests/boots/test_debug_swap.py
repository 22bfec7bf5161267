# SPDX-License-Identifier: GPL-2.0-only
"""kexec of an SNP guest with and without DebugSwap: without it, each access of DR7 is #VC (semantics.md 1.9.10, 3.5.7)."""

from __future__ import annotations

import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.boots.conftest import Boot, BootGuest
from tests.boots.series_kernel import image

WORDS = "--platform snp --memory 2G --workload kexec"
NEWEST, LTS, SERIES = "debian:7.3", "debian:6.12", "kexec-dr7"


def kexec(boot: BootGuest, kernel: str, features: str) -> Boot:
    found = boot(kernel, *WORDS.split(), "--sev-features", features)
    assert found.run["emulator"]["sev_features"] == features
    assert f"--sev-features {features}" in found.run["reproduce"] or features == "none"
    return found


def test_kexec_of_today_s_kernel_crashes_where_the_host_has_no_debug_swap(boot: BootGuest) -> None:
    """snp_kexec_finish() gives the GHCBs away, then machine_kexec() writes DR7; the report of the oops reads it."""
    found = kexec(boot, NEWEST, "none")
    assert (found.exit_code, found.run["outcome"]) == (1, "panic")
    assert found.run["report"]["stage"] == "userspace", "it ended in the first kernel"
    said = "\n".join(found.run["report"]["printk"])
    assert "vc_raw_handle_exception" in said and "NULL pointer dereference" in said
    assert found.verdict["verdict"] == "findings"


@pytest.mark.long
def test_the_same_with_debug_swap_comes_up_again(boot: BootGuest) -> None:
    found = kexec(boot, NEWEST, "debug-swap")
    assert found.run["outcome"] == "userspace"
    assert "second-userspace" in found.run["report"]["stages"]
    assert found.verdict["verdict"] == "clean", found.verdict["findings"]


@pytest.mark.long
@pytest.mark.parametrize("features", ["none", "debug-swap"])
def test_debug_swap_is_nothing_to_a_kernel_that_keeps_its_ghcbs(
    boot: BootGuest, features: str
) -> None:
    """6.12 has another defect there, and the same one on both hosts."""
    found = kexec(boot, LTS, features)
    assert found.run["outcome"] == "stopped"
    titles = [one["title"] for one in found.verdict["findings"]]
    assert titles == ["accessed a page that the first kernel left shared"]


def test_the_list_of_defects_has_the_command() -> None:
    assert (
        f"`./acceptlab run {NEWEST} {WORDS} --replay`" in (CHECKOUT / "docs/defects.md").read_text()
    )


@pytest.mark.long
@pytest.mark.parametrize("features", ["none", "debug-swap"])
@pytest.mark.parametrize(
    "workloads",
    [("kexec",), ("kdump", "vmcore"), ("breakpoint", "kdump", "vmcore")],
    ids="+".join,
)
def test_the_series_fixes_it_on_both_hosts(
    boot: BootGuest, workloads: tuple[str, ...], features: str
) -> None:
    """A breakpoint that is active when the kernel crashes leaves DR7 to be written after all, and in time."""
    words = [word for name in workloads for word in ("--workload", name)]
    found = boot(
        image(SERIES), "--platform", "snp", "--memory", "2G", "--sev-features", features, *words
    )
    assert "second-userspace" in found.run["report"]["stages"]
    assert (found.run["outcome"], found.verdict["verdict"]) == ("userspace", "clean"), found.output
    if "breakpoint" in workloads:
        assert "ACCEPTLAB workload breakpoint end result=ok" in found.console


@pytest.mark.long
def test_without_the_series_it_crashes_as_debian_s_kernel(boot: BootGuest) -> None:
    found = boot(image(f"{SERIES}@base"), *WORDS.split(), "--sev-features", "none")
    assert (found.exit_code, found.run["outcome"]) == (1, "panic")
    assert found.run["report"]["stage"] == "userspace", "it ended in the first kernel"
