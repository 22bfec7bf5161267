# SPDX-License-Identifier: GPL-2.0-only
"""One vector for every row of sections 1.7, 1.8 and 1.10 that a model can show."""

from __future__ import annotations

import struct

import pytest

from tests.model.ghcb_page import BITMAP, BUFFER, FIELDS, PSC_EVENT, GhcbPage, psc_entry
from tests.model.guest import Layout
from tests.model.names import GhcbOutcome, Kind, MsrAction, Psc, SnpOutcome, State, Stop
from tests.model.recorder import Event
from tests.model.rows import Rows, Vector
from tests.model.snp_guest import Snp
from tests.model.structs import NO_CARRY, PAGE, UNIT

row = Rows()

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


# --- 1.7: MSR protocol ---------------------------------------------------------------


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


# --- 1.8: GHCB page --------------------------------------------------------------------


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


@row("1.8-psc-event")
def _() -> None:
    vm, page = registered()
    page.psc([psc_entry(FRESH, Psc.SHARED, 1)])
    assert run_psc(vm, page) == (0, 0)
    assert vm.access(FRESH, 1, private=0)[0] == 0
    assert vm.events() == [Event(Kind.CONVERT, FRESH, UNIT, 0, NO_CARRY, 2, 0)]


@row("1.8-psc-header")
def _() -> None:
    """cur_entry tells where to start, end_entry is the last one."""
    vm, page = registered()
    page.psc([psc_entry(FRESH + n * PAGE, Psc.SHARED) for n in range(4)], cur=1, end=2)
    assert run_psc(vm, page) == (0, 0)
    shared = [vm.access(FRESH + n * PAGE, private=0)[0] == 0 for n in range(4)]
    assert shared == [False, True, True, False]
    assert page.psc_progress(4) == (3, [0, 1, 1, 0])


@row("1.8-psc-entry")
def _() -> None:
    vm, page = registered()
    entries = [psc_entry(LAUNCHED, Psc.SHARED, 1), psc_entry(FRESH, Psc.PRIVATE)]
    page.psc(entries)
    assert run_psc(vm, page) == (0, 0)
    assert vm.state(LAUNCHED + UNIT - PAGE) == State.HOST
    converts = [(e.gpa, e.size, e.detail) for e in vm.events() if e.kind == Kind.CONVERT]
    assert converts == [(LAUNCHED, UNIT, 2), (FRESH, PAGE, 1)]


@row("1.8-psc-ops")
def _() -> None:
    """Hints (3, 4) and unknown operations count as done and change nothing."""
    vm, page = registered()
    before = vm.dump()
    page.psc([psc_entry(LAUNCHED, op, 1) for op in (0, 3, 4, 5, 15)])
    assert run_psc(vm, page) == (0, 0)
    assert vm.dump() == before
    assert vm.events() == []
    assert page.psc_progress(5) == (5, [512] * 5)


@row("1.8-psc-max-entries")
def _() -> None:
    vm, page = registered()
    page.psc([psc_entry(FRESH + n * PAGE, Psc.SHARED) for n in range(253)])
    assert run_psc(vm, page) == (0, 0)
    assert page.psc_progress(253) == (253, [1] * 253)
    page.psc([psc_entry(FRESH, Psc.PRIVATE)], end=253)
    assert run_psc(vm, page) == (0, BAD_HEADER)
    assert vm.access(FRESH, private=0)[0] == 0


@row("1.8-psc-progress")
def _() -> None:
    """A host that does one entry per exit: the guest repeats until cur > end."""
    vm, page = registered(psc_entries_per_exit=1)
    page.psc([psc_entry(FRESH, Psc.SHARED, 1), psc_entry(FRESH + UNIT, Psc.SHARED)])
    assert run_psc(vm, page) == (0, 0)
    assert page.psc_progress(2) == (1, [512, 0])
    page.set("info1", 0)
    for name in ("code", "info2", "scratch"):
        page.set(name, page.get(name))
    assert run_psc(vm, page) == (0, 0)
    assert page.psc_progress(2) == (2, [512, 1])


@row("1.8-psc-error-generic")
def _() -> None:
    vm, page = registered()
    page.psc([psc_entry(FRESH, Psc.SHARED), psc_entry(HOLE, Psc.SHARED)])
    assert run_psc(vm, page) == (0, GENERIC)
    assert page.psc_progress(2) == (1, [1, 0])
    vm.act("attack_psc_error", 1)
    page.psc([psc_entry(FRESH, Psc.PRIVATE)])
    assert run_psc(vm, page) == (0, GENERIC)


@row("1.8-psc-error-header")
def _() -> None:
    vm, page = registered()
    for end in (253, 254, 0xFFFF):
        page.psc([psc_entry(FRESH, Psc.SHARED)], end=end)
        assert run_psc(vm, page) == (0, BAD_HEADER)


@row("1.8-psc-error-entry")
def _() -> None:
    vm, page = registered()
    bad = (
        psc_entry(FRESH + PAGE, Psc.SHARED, 1),
        psc_entry(FRESH, Psc.SHARED, 1, cur_page=513),
        psc_entry(FRESH, Psc.SHARED, 0, cur_page=2),
        psc_entry(FRESH, Psc.SHARED, 0, cur_page=4095),
    )
    for entry in bad:
        page.psc([psc_entry(FRESH, Psc.PRIVATE), entry])
        assert run_psc(vm, page) == (0, BAD_ENTRY)
        assert page.psc_progress(2)[0] == 1


@row("1.8-psc-linux-fatal")
def _() -> None:
    """A hostile host moves cur_entry back: the guest can see it."""
    vm, page = registered()
    vm.act("attack_psc_rewind", 1)
    page.psc([psc_entry(FRESH + n * PAGE, Psc.SHARED) for n in range(3)])
    assert run_psc(vm, page) == (0, 0)
    assert page.psc_progress(3)[0] == 1
    page.psc([psc_entry(FRESH + n * PAGE, Psc.SHARED) for n in range(3)], cur=1)
    assert run_psc(vm, page) == (0, 0)
    assert page.psc_progress(3)[0] == 0


@row("1.8-kvm-half-done-2m")
def _() -> None:
    vm, page = registered()
    page.psc([psc_entry(LAUNCHED, Psc.SHARED, 1, cur_page=100)])
    assert run_psc(vm, page) == (0, 0)
    states = [vm.state(LAUNCHED + n * PAGE) for n in (0, 99, 100, 511)]
    assert states == [State.ACCEPTED, State.ACCEPTED, State.HOST, State.HOST]
    assert page.psc_progress(1) == (1, [512])
    # done already: skipped
    page.psc([psc_entry(LAUNCHED, Psc.SHARED, 1, cur_page=512)])
    assert run_psc(vm, page) == (0, 0)
    assert vm.state(LAUNCHED) == State.ACCEPTED


@row("1.8-kvm-cur-beyond-end")
def _() -> None:
    vm, page = registered()
    page.psc([psc_entry(LAUNCHED, Psc.SHARED, 1)], cur=5)
    assert run_psc(vm, page) == (0, 0)
    assert vm.state(LAUNCHED) == State.ACCEPTED


@row("1.8-psc-scratch")
def _() -> None:
    vm, page = registered()
    bad = (0, GHCB + 0x7F8, GHCB + BUFFER + 2032, GHCB + 0xFF8, LAUNCHED, HOLE, 1 << 60)
    for scratch in bad:
        page.psc([psc_entry(FRESH, Psc.SHARED)])
        page.set("scratch", scratch)
        assert run_psc(vm, page) == (2, 3), hex(scratch)
    # the list runs out of the buffer
    page.psc([psc_entry(FRESH, Psc.SHARED)], end=2, offset=BUFFER + 2032 - 24)
    assert run_psc(vm, page) == (0, BAD_HEADER)
    # elsewhere in the buffer, and in another shared page
    page.psc([psc_entry(FRESH, Psc.SHARED)], offset=BUFFER + 64)
    assert run_psc(vm, page) == (0, 0)
    page.psc([psc_entry(FRESH, Psc.PRIVATE)])
    elsewhere = vm.recorder.memory(OTHER_SHARED, PAGE)
    elsewhere[:16] = bytes(page.raw[BUFFER : BUFFER + 16])
    page.set("scratch", OTHER_SHARED)
    assert run_psc(vm, page) == (0, 0)
    assert struct.unpack_from("<H", elsewhere)[0] == 1


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


# --- 1.10: termination codes -----------------------------------------------------------

CODES = {
    0x000100: (0, 0),
    0x010100: (0, 1),
    0x020100: (0, 2),
    0x001100: (1, 0),
    0x011100: (1, 1),
    0x021100: (1, 2),
    0x031100: (1, 3),
    0x041100: (1, 4),
    0x051100: (1, 5),
    0x061100: (1, 6),
    0x071100: (1, 7),
    0x081100: (1, 8),
    0x091100: (1, 9),
}


@row("1.10-codes")
def _() -> None:
    vm = snp()
    for value, expected in CODES.items():
        answer = vm.msr(value)
        assert (answer.action, (answer.set, answer.reason)) == (MsrAction.TERMINATE, expected)


@row("1.10-through-the-page")
def _() -> None:
    vm, page = registered()
    page.request(0x8000FFFE, info1=0, info2=1 << 12)
    outcome, request = vm.ghcb(GHCB)
    assert (outcome, request.exit, request.info2) == (GhcbOutcome.REQUEST, 0x8000FFFE, 1 << 12)


@pytest.mark.parametrize("vector", row.parameters())
def test_row(vector: Vector) -> None:
    vector()
