# SPDX-License-Identifier: GPL-2.0-only
"""Debian's kernels from 6.16 to mainline: fetched by name, their symbols read, and what a kernel refuses."""

from __future__ import annotations

import pytest

from acceptlab.analysis.kernel.kallsyms import KERNEL_MAP
from acceptlab.analysis.kernel.symbols import load_symbols
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.kernels.support import support_of
from tests.boots.conftest import BootGuest

KERNELS = ["debian:6.16", "debian:6.18", "debian:7.0", "debian:7.3", "debian:7.3/rt"]
FUNCTIONS = ("accept_memory", "get_page_from_freelist", "panic", "common_startup_64")
SIZE = 64 << 20
"""Bytes that no kernel's text exceeds."""


@pytest.mark.parametrize("name", KERNELS)
def test_symbols_of_a_real_kernel(name: str) -> None:
    kernel = resolve(name)
    symbols = load_symbols(kernel.image)
    start, end = symbols.address("_text"), symbols.address("_etext")
    assert start >= KERNEL_MAP and start % (2 << 20) == 0 and 0 < end - start < SIZE
    assert len(symbols) > 100_000
    for function in FUNCTIONS:
        assert start <= symbols.address(function) < end
        assert symbols.name_of(symbols.address(function) + 1) == f"{function}+0x1"
    names = [name for _, name in symbols.items()]
    for platform in ("snp", "tdx"):
        assert support_of(platform, None, names, True).platform is True
        if kernel.config:
            assert support_of(platform, kernel.config, names, True).platform is True


def test_a_policy_that_the_kernel_refuses_is_recorded(boot: BootGuest) -> None:
    words = "--platform tdx --memory 2G --firmware-accepts minimal --accept deferred"
    found = boot("debian:6.12", *words.split())
    assert found.run["machine"]["accept"] == "lazy"
    assert found.run["machine"]["refused"] == "deferred"
    assert "(requested: deferred, rejected by the kernel)" in found.verdict["headline"]
    assert "and used lazy" in found.output
    assert found.unaccepted_kib("start")  # as lazy kernels have some
