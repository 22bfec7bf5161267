# SPDX-License-Identifier: GPL-2.0-only
"""Guests with the processor of a name: Linux finds its features consistent (the fixture looks at the console)."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.trace.schema import Kind, label
from acceptlab.toolkit.platforms import CONFIDENTIAL, PLATFORMS
from tests.boots.conftest import BootGuest

NEWEST = [(platform, PLATFORMS[platform].processors[-1]) for platform in CONFIDENTIAL]
OTHERS = [
    (platform, name) for platform in CONFIDENTIAL for name in PLATFORMS[platform].processors[:-1]
]


def boots_cleanly(boot: BootGuest, platform: str, name: str) -> None:
    words = ("--platform", platform, "--memory", "2G", "--cpus", "2", "--cpu", name)
    found = boot("debian:newest", *words)
    assert (found.run["outcome"], found.run["emulator"]["cpu"]) == ("userspace", name)
    assert found.verdict["verdict"] == "clean", found.verdict["findings"]
    [model] = [line for line in found.console.splitlines() if "smpboot: CPU0: " in line]
    assert name in model
    assert not (found.folder / "emulator.log").exists(), "QEMU had a warning"


@pytest.mark.parametrize(("platform", "name"), NEWEST)
def test_a_guest_of_a_named_processor_is_clean(boot: BootGuest, platform: str, name: str) -> None:
    boots_cleanly(boot, platform, name)


@pytest.mark.long
@pytest.mark.parametrize(("platform", "name"), OTHERS)
def test_a_guest_of_an_older_one_is_clean(boot: BootGuest, platform: str, name: str) -> None:
    boots_cleanly(boot, platform, name)


def test_a_td_with_five_levels_of_page_tables_is_clean(boot: BootGuest) -> None:
    """Its callers are found by walks of such tables."""
    words = ("--platform", "tdx", "--memory", "2G", "--firmware-accepts", "minimal", "--la57")
    found = boot("debian:newest", *words)
    assert "max_arch_pfn = 0x10000000000" in found.console, (
        "52 bits: MAX_PHYSMEM_BITS (sparsemem.h)"
    )
    assert found.verdict["verdict"] == "clean", found.verdict["findings"]
    events = pq.read_table(found.folder / "events.parquet", columns=["kind", "caller"]).to_pandas()
    accepts = events[events.kind == label(Kind.ACCEPT)]
    assert len(accepts) > 10
    assert accepts.caller.notna().all()
