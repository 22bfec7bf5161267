# SPDX-License-Identifier: GPL-2.0-only
"""vCPUs on threads of their own: no repeatable order any more, but the same verdict."""

from __future__ import annotations

import pytest

from tests.boots.conftest import BootGuest


@pytest.mark.parametrize("platform", [pytest.param("snp", marks=pytest.mark.long), "tdx"])
def test_four_vcpus_on_four_threads_reach_userspace_with_a_clean_verdict(
    boot: BootGuest, platform: str
) -> None:
    words = f"--platform {platform} --threads multi --cpus 4 --memory 2G --firmware-accepts minimal"
    done = boot("debian:6.12", *words.split())
    assert done.run["outcome"] == "userspace", done.output
    assert done.run["clock"] == "ns"
    assert "smp: Brought up 1 node, 4 CPUs" in done.console
    assert done.verdict["verdict"] == "clean", done.verdict["findings"]
