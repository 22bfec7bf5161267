# SPDX-License-Identifier: GPL-2.0-only
"""An SNP guest of the model, and a bare RMP."""

from __future__ import annotations

import ctypes as ct

from tests.model.guest import Guest, Layout
from tests.model.library import library
from tests.model.structs import (
    PAGE,
    Access,
    AccessFault,
    GhcbMsrAnswer,
    GhcbRequest,
    RmpEntry,
    RmpKey,
    RmpResult,
    RmpState,
    SnpAnswer,
    SnpCaller,
    SnpConfig,
)


class Snp(Guest):
    """One SNP guest."""

    def __init__(self, layout: Layout, **config: int) -> None:
        values = {"asid": 1, "vcpus": 2, "c_bit": 51, "top": layout.top} | config
        self.config = SnpConfig(**values)
        super().__init__("snp", layout, self.config)

    def access(
        self, gpa: int, kind: int = 0, private: int = 1, vmpl: int = 0, user: int = 0
    ) -> tuple[int, int, int]:
        """Verdict, stop reason, platform code."""
        access, fault = Access(gpa, gpa, kind, private, vmpl, user), AccessFault()
        verdict = self.lib.snp_access(self.vm, 0, ct.byref(access), ct.byref(fault))
        return verdict, fault.stop, fault.platform

    def pvalidate(
        self, gpa: int, size: int, validate: int, cpl: int = 0, vmpl: int = 0
    ) -> tuple[int, SnpAnswer]:
        caller, answer = SnpCaller(0, cpl, vmpl), SnpAnswer()
        outcome = self.lib.snp_pvalidate(
            self.vm, ct.byref(caller), ct.c_uint64(gpa), size, validate, ct.byref(answer)
        )
        return outcome, answer

    def pvalidate_operands(
        self, rax: int, ecx: int, edx: int, cpl: int = 0, vmpl: int = 0
    ) -> tuple[int, SnpAnswer]:
        caller, answer = SnpCaller(0, cpl, vmpl), SnpAnswer()
        outcome = self.lib.snp_pvalidate_operands(
            self.vm, ct.byref(caller), ct.c_uint64(rax), ct.c_uint32(ecx), ct.c_uint32(edx),
            ct.byref(answer),
        )  # fmt: skip
        return outcome, answer

    def rmpadjust(
        self, gpa: int, size: int, attributes: int, cpl: int = 0, vmpl: int = 0
    ) -> tuple[int, SnpAnswer]:
        caller, answer = SnpCaller(0, cpl, vmpl), SnpAnswer()
        outcome = self.lib.snp_rmpadjust(
            self.vm, ct.byref(caller), ct.c_uint64(gpa), ct.c_uint64(size),
            ct.c_uint64(attributes), ct.byref(answer),
        )  # fmt: skip
        return outcome, answer

    def start_vcpu(self, vcpu: int, gpa: int) -> int:
        """AP creation. 0, or -1 where it is refused."""
        return int(self.lib.snp_vm_start_vcpu(self.vm, vcpu, ct.c_uint64(gpa)))

    def destroy_vcpu(self, vcpu: int) -> None:
        self.lib.snp_vm_destroy_vcpu(self.vm, vcpu)

    def msr(self, request: int, vcpu: int = 0) -> GhcbMsrAnswer:
        answer = GhcbMsrAnswer()
        self.lib.snp_ghcb_msr(self.vm, vcpu, ct.c_uint64(request), ct.byref(answer))
        return answer

    def ghcb(self, gpa: int, vcpu: int = 0) -> tuple[int, GhcbRequest]:
        """VMGEXIT with the page at gpa of the recorder's memory."""
        request = GhcbRequest()
        page = self.recorder.address(gpa) if gpa + PAGE <= self.layout.top else None
        outcome = self.lib.snp_ghcb_page(self.vm, vcpu, ct.c_uint64(gpa), page, ct.byref(request))
        return outcome, request

    def rmp_entry(self, gpa: int) -> RmpEntry:
        entry: RmpEntry = self.lib.snp_vm_rmp_entry(self.vm, ct.c_uint64(gpa))
        return entry

    def dump(self) -> bytes:
        """Planes of one byte per page: state, RMP flags, shared, permissions of VMPL 0-3."""
        pages = self.layout.top // PAGE
        out = ct.create_string_buffer(7 * pages)
        self.lib.support_snp_dump(self.vm, ct.c_uint64(pages), out)
        return out.raw


class RmpTable:
    """A bare RMP."""

    def __init__(self, units: int) -> None:
        self.lib = library()
        self.table = ct.c_void_p(self.lib.support_rmp_new(ct.c_uint64(units)))

    def __del__(self) -> None:
        self.lib.support_free(self.table)

    def update(self, spa: int, **state: int) -> int:
        return int(self.lib.rmp_update(self.table, ct.c_uint64(spa), ct.byref(RmpState(**state))))

    def psmash(self, spa: int) -> int:
        return int(self.lib.rmp_psmash(self.table, ct.c_uint64(spa)))

    def pvalidate(self, key: RmpKey, size: int, validate: int) -> RmpResult:
        result = RmpResult()
        self.lib.rmp_pvalidate(self.table, ct.byref(key), size, validate, ct.byref(result))
        return result

    def rmpadjust(self, key: RmpKey, vmpl: int, size: int, attributes: int) -> RmpResult:
        result = RmpResult()
        self.lib.rmp_rmpadjust(
            self.table, ct.byref(key), vmpl, size, ct.c_uint64(attributes), ct.byref(result)
        )
        return result

    def access(self, key: RmpKey, **access: int) -> RmpResult:
        result = RmpResult()
        self.lib.rmp_access(self.table, ct.byref(key), ct.byref(Access(**access)), ct.byref(result))
        return result

    def read(self, spa: int) -> RmpEntry:
        entry: RmpEntry = self.lib.rmp_read(self.table, ct.c_uint64(spa))
        return entry
