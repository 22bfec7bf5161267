# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 2.8: Linux's checks at boot, and how it accepts."""

from __future__ import annotations

import pytest

from tests.model.guest import Layout
from tests.model.rows import Rows, Vector
from tests.model.structs import (
    PAGE,
    R8,
    R9,
    RAX,
    RCX,
    RDX,
    UNIT,
)
from tests.model.td import Tdx
from tests.model.vectors.tdx import (
    ACCEPTED,
    CONFIG_FLAGS,
    FRESH,
    NOT_WRITABLE,
    NOTIFY_ENABLES,
    VE_DISABLE,
    linux_accept,
    tdx,
)

row = Rows()


@row("2.8-detect-and-vp-info")
def _() -> None:
    _, regs, _ = tdx().tdcall({RAX: 1})
    assert (regs[RAX], regs[RCX], regs[RDX]) == (0, 48, VE_DISABLE)


@row("2.8-notify-enables")
def _() -> None:
    _, regs, _ = tdx().tdcall({RAX: 8, RDX: NOTIFY_ENABLES, R8: 0, R9: (1 << 64) - 1})
    assert regs[RAX] == 0


@row("2.8-config-flags")
def _() -> None:
    for flags in (0, 2, 6):
        vm = tdx(config_flags=flags)
        assert vm.tdcall({RAX: 7, RDX: CONFIG_FLAGS})[1][R8] == flags
        wide = tdx(config_flags=flags, gpaw=52)
        assert wide.tdcall({RAX: 7, RDX: CONFIG_FLAGS})[1][R8] == flags | 1
        assert vm.tdcall({RAX: 8, RDX: CONFIG_FLAGS, R8: 3, R9: 3})[1][RAX] == NOT_WRITABLE


@row("2.8-attribute-bits")
def _() -> None:
    for bit in (0, 28, 29, 30, 31, 63):
        assert tdx(attributes=1 << bit).tdcall({RAX: 1})[1][RDX] == 1 << bit


@row("2.8-accept-loop")
def _() -> None:
    layout = Layout(ram=((0, 1 << 30),))
    assert linux_accept(Tdx(layout), 0, 4 * UNIT) == 4
    # 1G is tried first, and always invalid
    assert linux_accept(Tdx(layout), 0, 1 << 30) == 513


@row("2.8-fatal-at-4k")
def _() -> None:
    assert linux_accept(tdx(), ACCEPTED, ACCEPTED + PAGE) == -1
    vm = tdx()
    vm.act("attack_busy", 10)
    assert linux_accept(vm, FRESH, FRESH + PAGE) == -1


@row("2.8-calls-on-4k-host")
def _() -> None:
    assert linux_accept(tdx(backing_4k=1), FRESH, FRESH + UNIT) == 1 + 512


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
