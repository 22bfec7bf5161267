# SPDX-License-Identifier: GPL-2.0-only
"""A table of unaccepted memory that begins inside a page and reaches into one more (semantics.md 3.2.7)."""

from __future__ import annotations

import pytest

from tests.boots.conftest import BootGuest

WORDS = "--platform tdx --memory 68024M"
"""65,000 MiB above 4 GiB: with its header the table is a little less than a page, and lies behind firmware's own header."""


@pytest.mark.long
@pytest.mark.parametrize("handoff", ["table", "stub"])
def test_a_kernel_without_the_fix_oopses_in_it(boot: BootGuest, handoff: str) -> None:
    found = boot("debian:6.12.57", *WORDS.split(), "--handoff", handoff)
    assert found.run["outcome"] == "panic"
    said = "".join(found.run["report"]["printk"])
    assert "BUG: unable to handle page fault" in said
    assert "find_next_bit" in said
    assert found.verdict["verdict"] == "findings"
    assert any("oops" in one["title"] for one in found.verdict["findings"])


@pytest.mark.long
@pytest.mark.parametrize("handoff", ["table", "stub"])
def test_a_kernel_with_the_fix_is_clean(boot: BootGuest, handoff: str) -> None:
    found = boot("debian:6.12", *WORDS.split(), "--handoff", handoff)
    assert found.run["outcome"] == "userspace"
    assert found.verdict["verdict"] == "clean", found.verdict["findings"]
