# SPDX-License-Identifier: GPL-2.0-only
"""An SNP guest with a GHCB for vectors, and shorthands for what it does."""

from __future__ import annotations

from tests.model.ghcb_page import GhcbPage
from tests.model.guest import Layout
from tests.model.names import GhcbOutcome
from tests.model.snp_guest import Snp
from tests.model.structs import PAGE, UNIT

GHCB = 0x8000
OTHER_SHARED = 0xA000
LAUNCHED = 0x400000
FRESH = 0x600000
TOP = 0x1000000
HOLE = 0xB0000
LAYOUT = Layout(
    ram=((0, 0xA0000), (0x100000, TOP - 0x100000)),
    accepted=((LAUNCHED, UNIT),),
    shared=((GHCB, PAGE), (OTHER_SHARED, PAGE)),
)
GENERIC, BAD_HEADER, BAD_ENTRY = 0x100 << 32, 1 << 32 | 1, 1 << 32 | 2
MSR_ERROR = 1 << 63 | 0x015
NO_FRAME = (1 << 52) - 1


def snp(**config: int) -> Snp:
    return Snp(LAYOUT, **config)


def registered(**config: int) -> tuple[Snp, GhcbPage]:
    vm = snp(**config)
    assert vm.msr(0x012 | GHCB).msr == 0x013 | GHCB
    return vm, GhcbPage(vm, GHCB)


def run_psc(vm: Snp, page: GhcbPage) -> tuple[int, int]:
    """VMGEXIT; both infos of the answer."""
    assert vm.ghcb(page.gpa)[0] == GhcbOutcome.HANDLED
    return page.infos()
