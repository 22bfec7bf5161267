# SPDX-License-Identifier: GPL-2.0-only
"""kexec of an SNP guest with and without DebugSwap: without it, each access of DR7 is #VC (semantics.md 1.9.10, 3.5.7)."""

from __future__ import annotations

import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.boots.conftest import Boot, BootGuest

WORDS = "--platform snp --memory 2G --workload kexec"
NEWEST, LTS = "debian:7.3", "debian:6.12"


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
    assert titles == ["used a page that the first kernel left shared"]


def test_the_list_of_defects_has_the_command() -> None:
    assert (
        f"`./acceptlab run {NEWEST} {WORDS} --replay`" in (CHECKOUT / "docs/defects.md").read_text()
    )
