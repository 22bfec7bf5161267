# SPDX-License-Identifier: GPL-2.0-only
"""A TD of the model, and a bare secure EPT."""

from __future__ import annotations

import ctypes as ct

from tests.model.guest import Guest, Layout
from tests.model.library import library
from tests.model.structs import (
    PAGE,
    R10,
    R11,
    R12,
    R13,
    RCX,
    Access,
    AccessFault,
    TdxAnswer,
    TdxCaller,
    TdxConfig,
    TdxRegs,
    TdxVmcall,
    VeInfo,
)


class Tdx(Guest):
    """One TD."""

    def __init__(self, layout: Layout, **config: int) -> None:
        values = {"gpaw": 48, "vcpus": 2, "attributes": 1 << 28, "top": layout.top} | config
        self.config = TdxConfig(**values)
        super().__init__("tdx", layout, self.config)

    @property
    def shared_bit(self) -> int:
        return 1 << (int(self.config.gpaw) - 1)

    def access(self, gpa: int, kind: int = 0, private: int = 1) -> tuple[int, AccessFault]:
        access, fault = Access(gpa, gpa ^ 0xFFFF << 32, kind, private, 0, 0), AccessFault()
        verdict = self.lib.tdx_access(self.vm, 0, ct.byref(access), ct.byref(fault))
        return verdict, fault

    def accept(self, rcx: int, vcpu: int = 0) -> tuple[int, int, TdxAnswer]:
        """Outcome, RAX (0 if it was not written: see the outcome), answer."""
        rax, answer = ct.c_uint64(0xDEAD), TdxAnswer()
        outcome = self.lib.tdx_page_accept(
            self.vm, vcpu, ct.c_uint64(rcx), ct.byref(rax), ct.byref(answer)
        )
        return outcome, rax.value, answer

    def tdcall(
        self, regs: dict[int, int], vcpu: int = 0, cpl: int = 0, long_mode: int = 1
    ) -> tuple[int, list[int], TdxAnswer]:
        """Outcome, registers after it, answer."""
        raw, answer = TdxRegs(), TdxAnswer()
        for index, value in regs.items():
            raw.r[index] = value
        caller = TdxCaller(vcpu, cpl, long_mode)
        outcome = self.lib.tdx_tdcall(self.vm, ct.byref(caller), ct.byref(raw), ct.byref(answer))
        return outcome, list(raw.r), answer

    def map_gpa(self, start: int, size: int) -> tuple[int, int, int]:
        """Outcome, R10, R11; start with the SHARED bit as the guest has it."""
        outcome, regs, _ = self.tdcall({RCX: 0xFC00, R11: 0x10001, R12: start, R13: size})
        return outcome, regs[R10], regs[R11]

    def raise_ve(self, reason: int, vcpu: int = 0, **fields: int) -> int:
        info = VeInfo(reason=reason, **fields)
        return int(self.lib.tdx_raise_ve(self.vm, vcpu, ct.byref(info)))

    def sept_state(self, gpa: int) -> tuple[str, int]:
        level = ct.c_uint()
        state = self.lib.tdx_vm_sept_state(self.vm, ct.c_uint64(gpa), ct.byref(level))
        return self.lib.sept_state_name(state).decode(), level.value

    def dump(self) -> bytes:
        """Planes of one byte per page: state, SEPT state, level, shared."""
        pages = self.layout.top // PAGE
        out = ct.create_string_buffer(4 * pages)
        self.lib.support_tdx_dump(self.vm, ct.c_uint64(pages), out)
        return out.raw


class SeptTree:
    """A bare secure EPT; `call` names a leaf: page_aug, range_block ..."""

    def __init__(self, units: int, running: bool = True) -> None:
        self.lib = library()
        self.units = units
        self.tree = ct.c_void_p(self.lib.support_sept_new(ct.c_uint64(units)))
        if running:
            self.lib.support_sept_run(self.tree)

    def __del__(self) -> None:
        self.lib.support_free(self.tree)

    def call(self, name: str, *args: int) -> int:
        return int(getattr(self.lib, f"sept_{name}")(self.tree, *(ct.c_uint64(a) for a in args)))

    def accept(self, gpa: int, level: int, locked: int = 0) -> tuple[int, int, int]:
        """Outcome, status, extended exit qualification."""
        status, info = ct.c_uint64(0), ct.c_uint64(0)
        outcome = self.lib.sept_accept(
            self.tree, ct.c_uint64(gpa), level, locked, ct.byref(status), ct.byref(info)
        )
        return outcome, status.value, info.value

    def access(self, gpa: int, kind: int, ve_disable: int) -> tuple[int, int]:
        info = ct.c_uint64(0)
        outcome = self.lib.sept_access(
            self.tree, ct.c_uint64(gpa), kind, ve_disable, ct.byref(info)
        )
        return outcome, info.value

    def state(self, gpa: int) -> tuple[str, int]:
        level = ct.c_uint()
        state = self.lib.sept_walk(self.tree, ct.c_uint64(gpa), ct.byref(level))
        return self.lib.sept_state_name(state).decode(), level.value

    def counter(self, gpa: int) -> int:
        return int(self.lib.support_sept_counter(self.tree, ct.c_uint64(gpa)))

    def dump(self) -> bytes:
        """Planes of one byte per page: state of the 2M entry, state of the page entry."""
        pages = self.units * 512
        out = ct.create_string_buffer(2 * pages)
        self.lib.support_sept_dump(self.tree, ct.c_uint64(pages), out)
        return out.raw


def vmcall_return(regs: list[int], call: TdxVmcall, results: dict[int, int]) -> list[int]:
    """Registers after the host's answer; `results` are the host's."""
    before, answer = TdxRegs(), TdxRegs()
    for index, value in enumerate(regs):
        before.r[index] = value
    for index, value in results.items():
        answer.r[index] = value
    library().tdx_vmcall_return(ct.byref(before), ct.byref(call), ct.byref(answer))
    return list(before.r)


def vmcall_status(regs: list[int], call: TdxVmcall, r10: int, r11: int) -> list[int]:
    """Registers after an answer of a status and one value."""
    raw = TdxRegs()
    for index, value in enumerate(regs):
        raw.r[index] = value
    library().tdx_vmcall_status(ct.byref(raw), ct.byref(call), ct.c_uint64(r10), ct.c_uint64(r11))
    return list(raw.r)
