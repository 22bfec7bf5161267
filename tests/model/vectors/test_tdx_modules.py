# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 2.9 that a module decides."""

from __future__ import annotations

import pytest

from tests.model.names import (
    TdxOutcome,
)
from tests.model.rows import Rows, Vector
from tests.model.structs import (
    R8,
    R9,
    R11,
    RAX,
    RCX,
    RDX,
)
from tests.model.td import Tdx
from tests.model.vectors.tdx import (
    CONFIG_FLAGS,
    INVALID,
    MASK,
    MODULE_2_0,
    TD_CTLS,
    TOPOLOGY_ENUM_CONFIGURED,
    VALUE_NOT_VALID,
    tdx,
)

row = Rows()
NOT_WRITABLE = 0xC0000C0100000000
ENUM_TOPOLOGY, VIRT_CPUID2, REDUCE_VE, LOCK = 1 << 1, 1 << 2, 1 << 3, 1 << 63
RBP_BIT = 1 << 5


def write(vm: Tdx, bits: int) -> int:
    """RAX of a VM.WR that sets bits of TD_CTLS."""
    return vm.tdcall({RAX: 8, RDX: TD_CTLS, R8: bits, R9: bits})[1][RAX]


@row("2.9-enum-topology")
def _() -> None:
    """Linux's order: REDUCE_VE, else ENUM_TOPOLOGY where the field says that it can."""
    for configured, expected in ((1, 0), (0, VALUE_NOT_VALID)):
        vm = tdx(topology_configured=configured)
        _, regs, _ = vm.tdcall({RAX: 7, RDX: TOPOLOGY_ENUM_CONFIGURED})
        assert (regs[RAX], regs[R8]) == (0, configured)
        assert write(vm, ENUM_TOPOLOGY) == expected
        assert vm.tdcall({RAX: 7, RDX: TD_CTLS})[1][R8] == 1 | (configured and ENUM_TOPOLOGY)


@row("2.9-td-ctls-bits")
def _() -> None:
    vm = tdx(topology_configured=1)
    assert write(vm, VIRT_CPUID2) == 0
    assert write(vm, LOCK) == NOT_WRITABLE
    assert write(vm, VIRT_CPUID2 | LOCK) == VALUE_NOT_VALID


@row("2.9-reduce-ve")
def _() -> None:
    assert write(tdx(topology_configured=1), REDUCE_VE) == NOT_WRITABLE
    assert write(tdx(module=MODULE_2_0, topology_configured=1), REDUCE_VE) == 0
    assert write(tdx(module=MODULE_2_0), REDUCE_VE) == VALUE_NOT_VALID


@row("2.9-no-rbp-mod")
def _() -> None:
    vm = tdx(config_flags=4)
    _, regs, _ = vm.tdcall({RCX: MASK | RBP_BIT, R11: 12})
    assert regs[RAX] == INVALID | 1
    assert vm.tdcall({RCX: MASK, R11: 12})[0] == TdxOutcome.VMCALL
    assert tdx().tdcall({RCX: MASK | RBP_BIT, R11: 12})[0] == TdxOutcome.VMCALL


@row("2.9-config-flags-of-the-module")
def _() -> None:
    """A host cannot configure what the module does not know."""
    for module, flags in ((0, 1 << 6), (0, 1 << 3), (MODULE_2_0, 1 << 3), (2, 0)):
        with pytest.raises(ValueError, match="refuses"):
            tdx(module=module, config_flags=flags)
    vm = tdx(module=MODULE_2_0, config_flags=1 << 6)
    assert vm.tdcall({RAX: 7, RDX: CONFIG_FLAGS})[1][R8] == 1 << 6


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
