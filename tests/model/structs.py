# SPDX-License-Identifier: GPL-2.0-only
"""ctypes view of the model's C structs: emulator/model/*.h once more; test_structs.py holds the sizes against the compiler.

Addresses and sizes are bytes.
"""

from __future__ import annotations

import ctypes as ct
from typing import Any, ClassVar

PAGE = 0x1000
UNIT = 0x200000
NO_CARRY = 0xFF


class _Struct(ct.Structure):
    def values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name, *_ in self._fields_)


class Access(_Struct):
    _fields_: ClassVar = [
        ("gpa", ct.c_uint64),
        ("gla", ct.c_uint64),
        ("kind", ct.c_uint8),
        ("private", ct.c_uint8),
        ("vmpl", ct.c_uint8),
        ("user", ct.c_uint8),
    ]


class VeInfo(_Struct):
    _fields_: ClassVar = [
        ("reason", ct.c_uint32),
        ("length", ct.c_uint32),
        ("info", ct.c_uint32),
        ("reserved", ct.c_uint32),
        ("qualification", ct.c_uint64),
        ("gla", ct.c_uint64),
        ("gpa", ct.c_uint64),
    ]


class AccessFault(_Struct):
    _fields_: ClassVar = [
        ("stop", ct.c_uint32),
        ("platform", ct.c_uint32),
        ("exit_info", ct.c_uint64),
        ("ve", VeInfo),
    ]


class AccEvent(_Struct):
    _fields_: ClassVar = [
        ("seq", ct.c_uint64),
        ("clock", ct.c_uint64),
        ("gpa", ct.c_uint64),
        ("size", ct.c_uint64),
        ("result", ct.c_uint64),
        ("rip", ct.c_uint64),
        ("caller", ct.c_uint64),
        ("detail", ct.c_uint64),
        ("vcpu", ct.c_uint16),
        ("kind", ct.c_uint8),
        ("stage", ct.c_uint8),
        ("carry", ct.c_uint8),
        ("caller_how", ct.c_uint8),
        ("reserved", ct.c_uint8 * 2),
    ]


class ModelOps(_Struct):
    _fields_: ClassVar = [
        ("opaque", ct.c_void_p),
        ("event", ct.c_void_p),
        ("lost_access", ct.c_void_p),
        ("scrub", ct.c_void_p),
        ("content_lost", ct.c_void_p),
        ("guest_memory", ct.c_void_p),
        ("cpuid", ct.c_void_p),
        ("interrupt_pending", ct.c_void_p),
        ("halted", ct.c_void_p),
    ]


RECORDS_MAX = 65536


class _Range(_Struct):
    _fields_: ClassVar = [("gpa", ct.c_uint64), ("size", ct.c_uint64)]


class RecorderRaw(_Struct):
    _fields_: ClassVar = [
        ("events", ct.c_uint32),
        ("lost", ct.c_uint32),
        ("scrubs", ct.c_uint32),
        ("overflow", ct.c_uint32),
        ("interrupt_at", ct.c_uint32),
        ("interrupt_calls", ct.c_uint32),
        ("memory", ct.c_void_p),
        ("memory_size", ct.c_uint64),
        ("halted", ct.c_uint64),
        ("event", AccEvent * RECORDS_MAX),
        ("lost_range", _Range * RECORDS_MAX),
        ("scrub_range", _Range * RECORDS_MAX),
    ]


class SnpConfig(_Struct):
    _fields_: ClassVar = [
        ("top", ct.c_uint64),
        ("asid", ct.c_uint32),
        ("vcpus", ct.c_uint32),
        ("backing_4k", ct.c_uint8),
        ("assign_advance", ct.c_uint8),
        ("in_place", ct.c_uint8),
        ("c_bit", ct.c_uint8),
        ("implicit", ct.c_uint8),
        ("reserved", ct.c_uint8 * 3),
        ("psc_entries_per_exit", ct.c_uint32),
        ("hv_features", ct.c_uint64),
        ("preferred_ghcb_gpa", ct.c_uint64),
    ]


class SnpCaller(_Struct):
    _fields_: ClassVar = [("vcpu", ct.c_uint16), ("cpl", ct.c_uint8), ("vmpl", ct.c_uint8)]


class SnpAnswer(_Struct):
    _fields_: ClassVar = [
        ("eax", ct.c_uint32),
        ("carry", ct.c_uint8),
        ("reserved", ct.c_uint8 * 3),
        ("exits", ct.c_uint32),
        ("reserved2", ct.c_uint32),
        ("fault", AccessFault),
    ]


class GhcbMsrAnswer(_Struct):
    _fields_: ClassVar = [
        ("action", ct.c_uint32),
        ("reserved", ct.c_uint32),
        ("msr", ct.c_uint64),
        ("set", ct.c_uint8),
        ("reason", ct.c_uint8),
        ("reserved2", ct.c_uint8 * 6),
    ]


class GhcbIoio(_Struct):
    _fields_: ClassVar = [
        ("port", ct.c_uint16),
        ("is_in", ct.c_uint8),
        ("string", ct.c_uint8),
        ("rep", ct.c_uint8),
        ("size", ct.c_uint8),
        ("reserved", ct.c_uint8 * 2),
        ("count", ct.c_uint32),
    ]


class GhcbRequest(_Struct):
    _fields_: ClassVar = [
        ("exit", ct.c_uint32),
        ("stop", ct.c_uint32),
        ("info1", ct.c_uint64),
        ("info2", ct.c_uint64),
        ("scratch", ct.c_uint64),
        ("rax", ct.c_uint64),
        ("rbx", ct.c_uint64),
        ("rcx", ct.c_uint64),
        ("rdx", ct.c_uint64),
        ("xcr0", ct.c_uint64),
        ("cpl", ct.c_uint8),
        ("reserved", ct.c_uint8 * 3),
        ("scratch_offset", ct.c_uint32),
        ("scratch_length", ct.c_uint32),
        ("ioio", GhcbIoio),
    ]


class PageRun(_Struct):
    _fields_: ClassVar = [("start", ct.c_uint64), ("size", ct.c_uint64), ("state", ct.c_uint64)]


class RmpEntry(_Struct):
    _fields_: ClassVar = [
        ("gpa_flags", ct.c_uint64),
        ("asid", ct.c_uint32),
        ("perms", ct.c_uint8 * 4),
    ]


class RmpResult(_Struct):
    _fields_: ClassVar = [
        ("outcome", ct.c_uint32),
        ("code", ct.c_uint32),
        ("npf", ct.c_uint32),
        ("carry", ct.c_uint8),
    ]


class RmpKey(_Struct):
    _fields_: ClassVar = [
        ("spa", ct.c_uint64),
        ("gpa", ct.c_uint64),
        ("asid", ct.c_uint32),
        ("nested_2m", ct.c_uint8),
    ]


class RmpState(_Struct):
    _fields_: ClassVar = [
        ("gpa", ct.c_uint64),
        ("asid", ct.c_uint32),
        ("assigned", ct.c_uint8),
        ("size_2m", ct.c_uint8),
        ("immutable", ct.c_uint8),
    ]


class TdxConfig(_Struct):
    _fields_: ClassVar = [
        ("top", ct.c_uint64),
        ("attributes", ct.c_uint64),
        ("config_flags", ct.c_uint64),
        ("map_gpa_chunk", ct.c_uint64),
        ("gpaw", ct.c_uint32),
        ("vcpus", ct.c_uint32),
        ("busy_limit", ct.c_uint32),
        ("backing_4k", ct.c_uint8),
        ("assign_advance", ct.c_uint8),
        ("module", ct.c_uint8),
        ("topology_configured", ct.c_uint8),
        ("shared_access", ct.c_uint8),
        ("in_place", ct.c_uint8),
        ("implicit", ct.c_uint8),
        ("reserved", ct.c_uint8 * 5),
    ]


class TdxCaller(_Struct):
    _fields_: ClassVar = [("vcpu", ct.c_uint16), ("cpl", ct.c_uint8), ("long_mode", ct.c_uint8)]


class TdxRegs(_Struct):
    _fields_: ClassVar = [("r", ct.c_uint64 * 16)]


class TdxVmcall(_Struct):
    _fields_: ClassVar = [
        ("mask", ct.c_uint64),
        ("function", ct.c_uint64),
        ("vendor", ct.c_uint64),
        ("regs", TdxRegs),
        ("gpa", ct.c_uint64),
        ("value", ct.c_uint64),
        ("index", ct.c_uint32),
        ("subleaf", ct.c_uint32),
        ("size", ct.c_uint8),
        ("write", ct.c_uint8),
        ("interrupts_blocked", ct.c_uint8),
        ("valid", ct.c_uint8),
        ("reserved", ct.c_uint32),
    ]


class TdxAnswer(_Struct):
    _fields_: ClassVar = [
        ("gpa", ct.c_uint64),
        ("exits", ct.c_uint32),
        ("shared", ct.c_uint32),
        ("fault", AccessFault),
        ("vmcall", TdxVmcall),
    ]


RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 = range(16)

# structs whose size test_structs.py checks against the headers
LAYOUTS: dict[str, type[_Struct]] = {
    "struct access": Access,
    "struct ve_info": VeInfo,
    "struct access_fault": AccessFault,
    "struct acc_event": AccEvent,
    "struct model_ops": ModelOps,
    "struct snp_config": SnpConfig,
    "struct snp_caller": SnpCaller,
    "struct snp_answer": SnpAnswer,
    "struct ghcb_msr_answer": GhcbMsrAnswer,
    "struct ghcb_request": GhcbRequest,
    "struct page_run": PageRun,
    "struct rmp_entry": RmpEntry,
    "struct rmp_result": RmpResult,
    "struct rmp_key": RmpKey,
    "struct rmp_state": RmpState,
    "struct tdx_config": TdxConfig,
    "struct tdx_caller": TdxCaller,
    "struct tdx_regs": TdxRegs,
    "struct tdx_vmcall": TdxVmcall,
    "struct tdx_answer": TdxAnswer,
}
