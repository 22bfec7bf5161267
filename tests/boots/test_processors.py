# SPDX-License-Identifier: GPL-2.0-only
"""Guests with the processor of a name: Linux finds its features consistent (the fixture looks at the console)."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.trace.schema import Kind, label
from acceptlab.toolkit.platforms import CONFIDENTIAL, PLATFORMS
from tests.boots.conftest import Boot, BootGuest

NEWEST = {platform: PLATFORMS[platform].processors[-1] for platform in CONFIDENTIAL}
EVERY = [(platform, name) for platform in CONFIDENTIAL for name in PLATFORMS[platform].processors]


def boots_cleanly(boot: BootGuest, platform: str, name: str, *more: str) -> Boot:
    words = ("--platform", platform, "--memory", "2G", "--cpus", "2", "--cpu", name, *more)
    found = boot("debian:newest", *words)
    assert (found.run["outcome"], found.run["emulator"]["cpu"]) == ("userspace", name)
    assert found.verdict["verdict"] == "clean", found.verdict["findings"]
    [model] = [line for line in found.console.splitlines() if "smpboot: CPU0: " in line]
    assert name in model
    assert not (found.folder / "emulator.log").exists(), "QEMU had a warning"
    return found


def test_an_snp_guest_of_the_newest_processor_is_clean(boot: BootGuest) -> None:
    boots_cleanly(boot, "snp", NEWEST["snp"])


@pytest.mark.long
@pytest.mark.parametrize(("platform", "name"), EVERY)
def test_a_guest_of_a_named_processor_is_clean(boot: BootGuest, platform: str, name: str) -> None:
    boots_cleanly(boot, platform, name)


def test_a_td_of_the_newest_one_with_five_levels_of_page_tables_is_clean(boot: BootGuest) -> None:
    """Its callers are found by walks of such tables."""
    words = ("--firmware-accepts", "minimal", "--la57")
    found = boots_cleanly(boot, "tdx", NEWEST["tdx"], *words)
    assert "max_arch_pfn = 0x10000000000" in found.console, (
        "52 bits: MAX_PHYSMEM_BITS (sparsemem.h)"
    )
    events = pq.read_table(found.folder / "events.parquet", columns=["kind", "caller"]).to_pandas()
    accepts = events[events.kind == label(Kind.ACCEPT)]
    assert len(accepts) > 10
    assert accepts.caller.notna().all()
