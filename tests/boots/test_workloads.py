# SPDX-License-Identifier: GPL-2.0-only
"""Workloads that take all memory there is: they end, the kernel accepts it for them, and gets all of it back."""

from __future__ import annotations

import re

import pytest

from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.kernels.resolve import resolve
from tests.boots.conftest import Boot, BootGuest

pytestmark = pytest.mark.long
ALL = ["tmpfs", "huge", "touch"]
MEMORY_KIB = 2 << 20
BLOCK_KIB = 4 << 10
OURS = "lazy-accept"
_AVAILABLE = re.compile(r"MemAvailable=(\d+) label=(\w+)")


@pytest.fixture(params=["snp", "tdx"])
def filled(boot: BootGuest, request: pytest.FixtureRequest) -> Boot:
    """Return a guest that ran each workload on all its memory, one after the other."""
    words = f"--platform {request.param} --memory 2G --firmware-accepts minimal".split()
    return boot("debian:6.12", *words, *(f"--workload={name}:all" for name in ALL))


def test_each_ends_well(filled: Boot) -> None:
    ended = re.findall(r"ACCEPTLAB workload (\w+) end result=(\w+)", filled.console)
    assert ended == [(name, "ok") for name in ALL]
    assert filled.run["outcome"] == "userspace"


def test_nearly_all_memory_is_accepted_and_no_page_twice(filled: Boot) -> None:
    before, after = filled.unaccepted_kib("start"), filled.unaccepted_kib("end")
    assert before is not None
    assert after is not None
    assert before > MEMORY_KIB / 2
    assert after < MEMORY_KIB / 8
    assert filled.verdict["verdict"] == "clean", filled.verdict["findings"]


def test_memory_comes_back(filled: Boot) -> None:
    available = {label: int(kib) for kib, label in _AVAILABLE.findall(filled.console)}
    assert available["end"] > available["start"] * 0.85


def exhausted(boot: BootGuest, kernel: str, platform: str) -> int | None:
    """Return how many KiB are unaccepted after `exhaust`; every page was accepted once at most."""
    words = f"--platform {platform} --memory 2G --firmware-accepts minimal --workload exhaust"
    done = boot(kernel, *words.split())
    assert done.verdict["verdict"] == "clean", done.verdict["findings"]
    return done.unaccepted_kib("end")


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_exhaust_leaves_a_block_of_the_stock_kernel_at_most(boot: BootGuest, platform: str) -> None:
    """What 6.12 keeps for DMA it does not accept for others: the kernel kills the workload first."""
    left = exhausted(boot, "debian:6.12", platform)
    assert left is not None
    assert left <= BLOCK_KIB


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_exhaust_leaves_nothing_of_the_reference_series(boot: BootGuest, platform: str) -> None:
    try:
        resolve(OURS)
    except AcceptlabError as error:
        pytest.skip(f"no kernel of the series is built ({error}): acceptlab series build {OURS}")
    assert exhausted(boot, OURS, platform) == 0


def test_progress_is_told(filled: Boot) -> None:
    told = [int(at) for at in re.findall(r"ACCEPTLAB workload at=(\d+)", filled.console)]
    assert len(told) == 7 * len(ALL)
