# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of 1.8: the GHCB page and its exits."""

from __future__ import annotations

import pytest

from tests.model.ghcb_page import BITMAP, BUFFER, FIELDS, PSC_EVENT, GhcbPage, psc_entry
from tests.model.names import GhcbOutcome, Kind, Psc, SnpOutcome, State, Stop
from tests.model.rows import Rows, Vector
from tests.model.structs import PAGE, UNIT
from tests.model.vectors.ghcb import (
    FRESH,
    GHCB,
    LAUNCHED,
    OTHER_SHARED,
    TOP,
    registered,
    run_psc,
    snp,
)

row = Rows()


@row("1.8-offsets")
def _() -> None:
    vm, page = registered()
    page.request(0x72, rax=0xD, rcx=1, xcr0=7, rdx=3, rbx=4, cpl=3, scratch=9, info1=5, info2=6)
    outcome, request = vm.ghcb(GHCB)
    assert outcome == GhcbOutcome.REQUEST
    values = (request.rax, request.rcx, request.rdx, request.rbx, request.xcr0, request.cpl)
    assert values == (0xD, 1, 3, 4, 7, 3)
    assert (request.exit, request.info1, request.info2, request.scratch) == (0x72, 5, 6, 9)


@row("1.8-answer-offsets")
def _() -> None:
    vm, page = registered()
    page.request(0x72, rax=1, rcx=2)
    for name in ("rax", "rbx", "rcx", "rdx"):
        vm.lib.ghcb_answer_begin(page.pointer)
        getattr(vm.lib, f"ghcb_answer_{name}")(page.pointer, 0x1234)
        assert page.get(name) == 0x1234
        assert [n for n in FIELDS if page.is_valid(n)] == [name, "info1", "info2"]
        assert page.infos() == (0, 0)


@row("1.8-answer-exception")
def _() -> None:
    vm, page = registered()
    page.request(0x7C, rcx=0xC0000080)
    vm.lib.ghcb_answer_exception(page.pointer, 13, 1, 0)
    assert page.infos() == (1, 1 << 31 | 1 << 11 | 3 << 8 | 13)
    vm.lib.ghcb_answer_exception(page.pointer, 6, 0, 0)
    assert page.infos() == (1, 1 << 31 | 3 << 8 | 6)


@row("1.8-general-not-registered")
def _() -> None:
    vm = snp()
    page = GhcbPage(vm, GHCB)
    page.request(0x8000FFFD)
    assert vm.ghcb(GHCB)[0] == GhcbOutcome.HANDLED
    assert page.infos() == (2, 1)
    vm.msr(0x012 | OTHER_SHARED)
    vm.ghcb(GHCB)
    assert page.infos() == (2, 1)
    vm.msr(0x012 | GHCB)
    page.request(0x8000FFFD)
    assert vm.ghcb(GHCB, vcpu=1)[0] == GhcbOutcome.HANDLED
    assert page.infos() == (2, 1)
    assert vm.ghcb(GHCB)[0] == GhcbOutcome.HANDLED  # vCPU 1's answer cleared the request


@row("1.8-general-bad-usage")
def _() -> None:
    vm, page = registered()
    page.request(0x8000FFFD, usage=1)
    assert run_psc(vm, page) == (2, 2)


@row("1.8-general-bad-scratch")
def _() -> None:
    vm, page = registered()
    page.request(0x80000001, scratch=GHCB + BUFFER, info1=0xFEE00000, info2=2033)
    assert run_psc(vm, page) == (2, 3)
    page.request(0x7B, scratch=LAUNCHED, info1=0x3F8 << 16 | 1 << 4 | 4, info2=16)
    assert run_psc(vm, page) == (2, 3)


NEEDS: tuple[tuple[int, dict[str, int], tuple[str, ...]], ...] = (
    (0x37, {}, ("rax",)),
    (0x6F, {}, ("rcx",)),
    (0x72, {}, ("rax", "rcx")),
    (0x72, {"rax": 0xD}, ("rax", "rcx", "xcr0")),
    (0x7B, {"info1": 0x3F8 << 16 | 1 << 4}, ("rax",)),
    (0x7B, {"info1": 0x3F8 << 16 | 1 << 4 | 4}, ("scratch",)),
    (0x7C, {}, ("rcx",)),
    (0x7C, {"info1": 1}, ("rcx", "rax", "rdx")),
    (0x81, {}, ("rax", "cpl")),
    (0x8A, {}, ("rax", "rcx", "rdx")),
    (0x8B, {}, ("rax", "rcx")),
    (0x80000001, {}, ("scratch",)),
    (0x80000002, {}, ("scratch",)),
    (PSC_EVENT, {}, ("scratch",)),
    (0x80000013, {}, ("rax",)),
)


@row("1.8-general-missing-input")
def _() -> None:
    vm, page = registered()
    for code, given, needed in NEEDS:
        fields = dict.fromkeys(needed, 0) | given
        if "scratch" in fields:
            fields["scratch"] = GHCB + BUFFER
        page.request(code, **fields)
        outcome, _request = vm.ghcb(GHCB)
        assert outcome == GhcbOutcome.REQUEST or page.infos()[0] == 0, hex(code)
        for missing in ("code", "info1", "info2", *needed):
            page.request(code, **fields)
            page.forget(missing)
            assert vm.ghcb(GHCB)[0] == GhcbOutcome.HANDLED, (hex(code), missing)
            # CPUID leaf 0xd asks for XCR0 only when RAX says so
            assert page.infos() == (2, 4), (hex(code), missing)


@row("1.8-general-invalid-input")
def _() -> None:
    vm, page = registered()
    bad: tuple[dict[str, int], ...] = (
        {"code": 0x7B, "rax": 0, "info1": 0x3F8 << 16},  # no size
        {"code": 0x7B, "rax": 0, "info1": 0x3F8 << 16 | 3 << 4},  # two sizes
        {"code": 0x80000011, "info1": GHCB + 8, "info2": OTHER_SHARED},
        {"code": 0x80000011, "info1": GHCB, "info2": GHCB},
        {"code": 0x8000FFFD, "version": 3},
    )
    for fields in bad:
        page.request(**fields)
        assert run_psc(vm, page) == (2, 5), fields


@row("1.8-general-invalid-event")
def _() -> None:
    vm, page = registered()
    for code in (0, 0x79, 0x404, 0x80000014, 0x8000FFFC, 1 << 32 | 0x72, (1 << 64) - 1):
        page.request(code, rax=0, rcx=0)
        assert run_psc(vm, page) == (2, 6), hex(code)


@row("1.8-other-events")
def _() -> None:
    vm, page = registered()
    codes = (0x8000FFFD, 0x8000FFFE, 0x8000FFFF, 0x80000011, 0x80000012, 0x80000013, 0x80000018)
    for code in codes:
        page.request(code, info1=0x2000, info2=0x3000, rax=0)
        outcome, request = vm.ghcb(GHCB)
        assert (outcome, request.exit) == (GhcbOutcome.REQUEST, code)
        assert (request.info1, request.info2) == (0x2000, 0x3000)


@row("1.8-ap-creation")
def _() -> None:
    """Create needs SEV features in RAX, destroy (2) does not."""
    vm, page = registered()
    page.request(0x80000013, info1=1 << 32 | 1, info2=LAUNCHED, rax=1)
    assert vm.ghcb(GHCB)[0] == GhcbOutcome.REQUEST
    page.request(0x80000013, info1=1 << 32 | 2)
    assert vm.ghcb(GHCB)[0] == GhcbOutcome.REQUEST


@row("1.8-ioio")
def _() -> None:
    vm, page = registered()
    for size in (1, 2, 4):
        for is_in in (0, 1):
            page.request(0x7B, rax=0x55, info1=0x3F8 << 16 | size << 4 | is_in)
            outcome, request = vm.ghcb(GHCB)
            ioio = request.ioio
            assert outcome == GhcbOutcome.REQUEST
            assert (ioio.port, ioio.size, ioio.is_in, ioio.count) == (0x3F8, size, is_in, 1)
            assert request.scratch_offset == 0xFFFFFFFF
    page.request(0x7B, scratch=GHCB + BUFFER + 8, info1=0x3F8 << 16 | 2 << 4 | 4 | 8, info2=100)
    outcome, request = vm.ghcb(GHCB)
    assert (request.ioio.string, request.ioio.rep, request.ioio.count) == (1, 1, 100)
    assert (request.scratch_offset, request.scratch_length) == (BUFFER + 8, 200)


@row("1.8-mmio")
def _() -> None:
    vm, page = registered()
    for code in (0x80000001, 0x80000002):
        page.request(code, scratch=GHCB + BUFFER, info1=0xFEE00020, info2=4)
        outcome, request = vm.ghcb(GHCB)
        assert outcome == GhcbOutcome.REQUEST
        assert (request.scratch_offset, request.scratch_length) == (BUFFER, 4)
    page.request(0x80000001, scratch=OTHER_SHARED + 0x10, info1=0xFEE00020, info2=8)
    outcome, request = vm.ghcb(GHCB)
    assert (request.scratch_offset, request.scratch) == (0xFFFFFFFF, OTHER_SHARED + 0x10)


@row("1.8-page-not-shared")
def _() -> None:
    vm = snp()
    for gpa in (LAUNCHED, FRESH):
        vm.msr(0x012 | gpa)
        outcome, request = vm.ghcb(gpa)
        assert (outcome, request.stop) == (GhcbOutcome.BROKEN, Stop.HANDLER)
    assert vm.ghcb(GHCB, vcpu=9)[0] == GhcbOutcome.BROKEN
    assert vm.ghcb(TOP)[0] == GhcbOutcome.BROKEN


@row("1.8-order-to-private")
def _() -> None:
    """PVALIDATE before the PSC is no fault of the guest's that it sees: only the host does."""
    vm, page = registered()
    page.psc([psc_entry(FRESH, Psc.SHARED)])
    run_psc(vm, page)
    outcome, answer = vm.pvalidate(FRESH, 0, 1)
    assert (outcome, answer.fault.stop) == (SnpOutcome.STOPPED, Stop.NOT_ASSIGNED)
    page.psc([psc_entry(FRESH, Psc.PRIVATE)])
    run_psc(vm, page)
    assert vm.pvalidate(FRESH, 0, 1)[1].eax == 0


@row("1.8-order-to-shared")
def _() -> None:
    """Rescind then PSC; without the rescind the host takes the page all the same."""
    vm, page = registered()
    vm.pvalidate(LAUNCHED, 0, 0)
    vm.events()
    page.psc([psc_entry(LAUNCHED, Psc.SHARED), psc_entry(LAUNCHED + PAGE, Psc.SHARED)])
    run_psc(vm, page)
    assert [vm.state(LAUNCHED + n * PAGE) for n in range(3)] == [0, 0, 2]
    kinds = [(e.kind, e.gpa) for e in vm.events()]
    assert kinds == [
        (Kind.CONVERT, LAUNCHED),
        (Kind.REMOVE, LAUNCHED),
        (Kind.CONVERT, LAUNCHED + PAGE),
        (Kind.REMOVE, LAUNCHED + PAGE),
    ]
    assert vm.accepted() == UNIT - 2 * PAGE


@row("1.8-stub-msr-4k")
def _() -> None:
    """The stub's way: one MSR exit and one PVALIDATE per page, 512 per unit."""
    vm = snp()
    for page in range(512):
        gpa = FRESH + page * PAGE
        assert vm.msr(0x014 | gpa | Psc.PRIVATE << 52).msr == 0x015
        outcome, answer = vm.pvalidate(gpa, 0, 1)
        assert (outcome, answer.eax, answer.carry) == (SnpOutcome.DONE, 0, 0)
    assert vm.state(FRESH + UNIT - PAGE) == State.ACCEPTED
    kinds = [e.kind for e in vm.events()]
    assert kinds.count(Kind.CONVERT) == kinds.count(Kind.ACCEPT) == 512
    assert kinds.count(Kind.ASSIGN) == kinds.count(Kind.SPLIT) == 1


@row("1.8-snapshot")
def _() -> None:
    """The valid bitmap is cleared by the answer: a second exit does not run the request again."""
    vm, page = registered()
    page.psc([psc_entry(FRESH, Psc.SHARED)])
    assert run_psc(vm, page) == (0, 0)
    assert bytes(page.raw[BITMAP : BITMAP + 16]).count(0) == 15
    assert run_psc(vm, page) == (2, 4)


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
