# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.7: the GHCB MSR protocol."""

from __future__ import annotations

import pytest

from tests.model.ghcb_page import GhcbPage
from tests.model.names import GhcbOutcome, MsrAction, Psc, State
from tests.model.rows import Rows, Vector
from tests.model.structs import PAGE
from tests.model.vectors.ghcb import (
    FRESH,
    GHCB,
    HOLE,
    LAUNCHED,
    MSR_ERROR,
    NO_FRAME,
    TOP,
    snp,
)

row = Rows()


@row("1.7-sev-info")
def _() -> None:
    for c_bit in (47, 51):
        answer = snp(c_bit=c_bit).msr(0x002)
        assert (answer.action, answer.msr) == (
            MsrAction.RESUME,
            2 << 48 | 1 << 32 | c_bit << 24 | 0x001,
        )


@row("1.7-cpuid")
def _() -> None:
    vm = snp()
    for register in range(4):
        answer = vm.msr(0x8000001F << 32 | register << 30 | 0x004, vcpu=1)
        assert answer.msr & 0xFFF == 0x005
        # support.c answers leaf + vcpu * 256 + register * 65536
        assert answer.msr >> 32 == 0x8000001F + 256 + (register << 16)


@row("1.7-ap-reset-hold")
def _() -> None:
    answer = snp().msr(0x006)
    assert (answer.action, answer.msr & 0xFFF) == (MsrAction.AP_RESET_HOLD, 0x007)
    assert answer.msr >> 12 != 0


@row("1.7-preferred-gpa")
def _() -> None:
    assert snp().msr(0x010).msr == NO_FRAME << 12 | 0x011
    assert snp(preferred_ghcb_gpa=GHCB).msr(0x010).msr == GHCB | 0x011


@row("1.7-register-gpa")
def _() -> None:
    vm = snp()
    assert vm.msr(0x012 | GHCB).msr == GHCB | 0x013
    for gpa in (HOLE, TOP, 1 << 51):
        assert vm.msr(0x012 | gpa).msr == NO_FRAME << 12 | 0x013


@row("1.7-psc-one-page")
def _() -> None:
    vm = snp()
    vm.events()
    assert vm.msr(0x014 | LAUNCHED | Psc.SHARED << 52).msr == 0x015
    assert vm.recorder.lost() == [(LAUNCHED, PAGE)]
    assert vm.state(LAUNCHED) == State.HOST
    assert vm.state(LAUNCHED + PAGE) == State.ACCEPTED
    for _ in range(2):  # the second time nothing changes
        assert vm.msr(0x014 | LAUNCHED | Psc.PRIVATE << 52).msr == 0x015
        assert vm.recorder.lost() == [(LAUNCHED, PAGE)] * 2
    assert vm.pvalidate(LAUNCHED, 0, 1)[1].eax == 0
    for op in (0, 3, 4, 15):
        assert vm.msr(0x014 | LAUNCHED | op << 52).msr == MSR_ERROR
    assert vm.msr(0x014 | HOLE | Psc.PRIVATE << 52).msr == MSR_ERROR
    assert vm.msr(0x014 | 1 << 51 | Psc.SHARED << 52).msr == MSR_ERROR


@row("1.7-psc-host-refuses")
def _() -> None:
    vm = snp()
    vm.act("attack_psc_error", 1)
    assert vm.msr(0x014 | FRESH | Psc.SHARED << 52).msr == MSR_ERROR
    assert vm.msr(0x014 | FRESH | Psc.SHARED << 52).msr == 0x015


@row("1.7-run-vmpl")
def _() -> None:
    request = 0x016 | 2 << 32
    assert snp().msr(request).msr == request
    assert snp(hv_features=1 << 5 | 3).msr(request).msr == 0x017


@row("1.7-hv-features")
def _() -> None:
    assert snp().msr(0x080).msr == 0x3 << 12 | 0x081
    assert snp(hv_features=0x21).msr(0x080).msr == 0x21 << 12 | 0x081


@row("1.7-terminate")
def _() -> None:
    answer = snp().msr(0x100 | 1 << 12 | 2 << 16)
    assert (answer.action, answer.set, answer.reason) == (MsrAction.TERMINATE, 1, 2)


@row("1.7-unknown-request")
def _() -> None:
    vm = snp()
    for request in (0x003, 0x111, 0xFFF, 0x018 | 5 << 32, 0x001, 0x015):
        answer = vm.msr(request)
        assert (answer.action, answer.msr) == (MsrAction.RESUME, request)


@row("1.7-page-protocol")
def _() -> None:
    assert snp().msr(GHCB).action == MsrAction.PAGE


@row("1.7-linux-order")
def _() -> None:
    """Versions, features, page shared (PVALIDATE 0, PSC), registered: then the page works."""
    vm = snp()
    assert vm.msr(0x002).msr & 0xFFF == 0x001
    assert vm.msr(0x080).msr & 0xFFF == 0x081
    assert vm.pvalidate(LAUNCHED, 0, 0)[1].eax == 0
    assert vm.msr(0x014 | LAUNCHED | Psc.SHARED << 52).msr == 0x015
    assert vm.msr(0x012 | LAUNCHED).msr == LAUNCHED | 0x013
    GhcbPage(vm, LAUNCHED).request(0x8000FFFD)
    assert vm.ghcb(LAUNCHED)[0] == GhcbOutcome.REQUEST


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
