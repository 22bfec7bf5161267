# SPDX-License-Identifier: GPL-2.0-only
"""ctypes view of the model's C headers, and thin classes over a guest of each platform.

The layouts repeat emulator/model/*.h; test_binding.py holds the sizes against the compiler.
Addresses and sizes are bytes.
"""

from __future__ import annotations

import ctypes as ct
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[1] / "emulator" / "model"
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
        ("reserved", ct.c_uint8 * 3),
    ]


class ModelOps(_Struct):
    _fields_: ClassVar = [
        ("opaque", ct.c_void_p),
        ("event", ct.c_void_p),
        ("lost_access", ct.c_void_p),
        ("scrub", ct.c_void_p),
        ("guest_memory", ct.c_void_p),
        ("cpuid", ct.c_void_p),
        ("interrupt_pending", ct.c_void_p),
    ]


RECORDS_MAX = 65536


class _Range(_Struct):
    _fields_: ClassVar = [("gpa", ct.c_uint64), ("size", ct.c_uint64)]


class _Recorder(_Struct):
    _fields_: ClassVar = [
        ("events", ct.c_uint32),
        ("lost", ct.c_uint32),
        ("scrubs", ct.c_uint32),
        ("overflow", ct.c_uint32),
        ("interrupt_at", ct.c_uint32),
        ("interrupt_calls", ct.c_uint32),
        ("memory", ct.c_void_p),
        ("memory_size", ct.c_uint64),
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
        ("c_bit", ct.c_uint8),
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
        ("reserved", ct.c_uint8 * 2),
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
        ("reserved", ct.c_uint32),
        ("fault", AccessFault),
        ("vmcall", TdxVmcall),
    ]


RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 = range(16)

# structs whose size test_binding.py checks against the headers
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


class Event(NamedTuple):
    """The fields of an event that the model itself fills."""

    kind: int
    gpa: int
    size: int
    result: int
    carry: int
    detail: int
    vcpu: int


def build_library(source: Path, out: Path, target: str = "all", cflags: str = "-O2 -g") -> Path:
    """Build the model in `source` with the test support into `out`; returns the library.

    Raises RuntimeError with the compiler's words if it does not build.
    """
    done = subprocess.run(
        [
            "make",
            "-s",
            "-C",
            str(source),
            f"BUILD={out}",
            f"EXTRA={HERE / 'support.c'}",
            f"CFLAGS={cflags}",
            target,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the model does not build:\n{done.stdout}{done.stderr}")
    suffix = "-sanitize" if target == "sanitize" else ""
    return out / f"libacceptlab-model{suffix}.so"


def declare(path: Path) -> ct.CDLL:
    """Load the library and give its functions that return more than an int their types."""
    lib = ct.CDLL(str(path))
    pointer, u64 = ct.c_void_p, ct.c_uint64
    for name in ("recorder_new", "support_snp_new", "support_tdx_new", "support_rmp_new",
                 "support_sept_new"):  # fmt: skip
        getattr(lib, name).restype = pointer
    for name in ("snp_vm_accepted_bytes", "tdx_vm_accepted_bytes", "tdx_vm_shared_bit",
                 "sept_sept_add", "sept_page_add", "sept_page_aug", "sept_range_block",
                 "sept_range_unblock", "sept_track", "sept_page_remove", "sept_page_demote",
                 "sept_page_promote", "sept_accept_next", "ghcb_scratch_bytes",
                 "snp_vm_bytes", "tdx_vm_bytes"):  # fmt: skip
        getattr(lib, name).restype = u64
    lib.snp_vm_rmp_entry.restype = RmpEntry
    lib.rmp_read.restype = RmpEntry
    lib.sept_state_name.restype = ct.c_char_p
    lib.recorder_new.argtypes = [u64]
    return lib


@cache
def library() -> ct.CDLL:
    """The model under test: ACCEPTLAB_MODEL_LIBRARY, or built from this checkout."""
    given = os.environ.get("ACCEPTLAB_MODEL_LIBRARY")
    if given:
        return declare(Path(given))
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    out = HERE.parents[1] / "build" / "tests-model" / worker
    return declare(build_library(MODEL, out))


class Recorder:
    """Collects what a model tells its embedder, and holds the guest's memory."""

    def __init__(self, memory_size: int = 0) -> None:
        self._lib = library()
        self._pointer = ct.c_void_p(self._lib.recorder_new(memory_size))
        self._raw = _Recorder.from_address(self._pointer.value or 0)
        self.ops = ModelOps()
        self._lib.recorder_ops(self._pointer, ct.byref(self.ops))

    def __del__(self) -> None:
        self._lib.recorder_free(self._pointer)

    def take_events(self) -> list[Event]:
        """The events since the last call; forgets everything recorded."""
        assert not self._raw.overflow
        events = [
            Event(e.kind, e.gpa, e.size, e.result, e.carry, e.detail, e.vcpu)
            for e in self._raw.event[: self._raw.events]
        ]
        self._lib.recorder_reset(self._pointer)
        return events

    def lost(self) -> list[tuple[int, int]]:
        return [(r.gpa, r.size) for r in self._raw.lost_range[: self._raw.lost]]

    def scrubs(self) -> list[tuple[int, int]]:
        return [(r.gpa, r.size) for r in self._raw.scrub_range[: self._raw.scrubs]]

    def interrupt_at(self, call: int) -> None:
        """The call-th question for a pending interrupt from now on is answered yes; 0: none."""
        self._raw.interrupt_at = call
        self._raw.interrupt_calls = 0

    def address(self, gpa: int) -> ct.c_void_p:
        """Where the guest's memory at gpa lies in this process."""
        return ct.c_void_p(self._raw.memory + gpa)

    def memory(self, gpa: int, size: int) -> memoryview:
        return memoryview((ct.c_uint8 * size).from_address(self._raw.memory + gpa)).cast("B")


@dataclass(frozen=True)
class Layout:
    """Memory at hand-over: RAM ranges, accepted and shared ranges, as (start, size)."""

    ram: tuple[tuple[int, int], ...]
    accepted: tuple[tuple[int, int], ...] = ()
    shared: tuple[tuple[int, int], ...] = ()

    @property
    def top(self) -> int:
        return max(start + size for start, size in self.ram)


def _runs(next_run: Any, vm: ct.c_void_p) -> Iterator[tuple[int, int, int]]:
    cursor, run = ct.c_uint64(0), PageRun()
    while next_run(vm, ct.byref(cursor), ct.byref(run)):
        yield run.start, run.size, run.state


class Snp:
    """One SNP guest."""

    def __init__(self, layout: Layout, **config: int) -> None:
        self.lib = library()
        self.layout = layout
        self.recorder = Recorder(layout.top)
        values = {"asid": 1, "vcpus": 2, "c_bit": 51, "top": layout.top} | config
        self.config = SnpConfig(**values)
        pointer = self.lib.support_snp_new(ct.byref(self.config), ct.byref(self.recorder.ops))
        if not pointer:
            raise ValueError("the model refuses this configuration")
        self.vm = ct.c_void_p(pointer)
        for name, ranges in (
            ("snp_vm_add_ram", layout.ram),
            ("snp_vm_launch", layout.accepted),
            ("snp_vm_share", layout.shared),
        ):
            for at, size in ranges:
                if self._act(name, at, size):
                    raise ValueError(f"{name}({at:#x}, {size:#x}) refused")
        self.lib.snp_vm_start(self.vm)

    def __del__(self) -> None:
        if hasattr(self, "vm"):
            self.lib.support_free(self.vm)

    def _act(self, name: str, *args: int) -> int:
        return int(getattr(self.lib, name)(self.vm, *(ct.c_uint64(a) for a in args)))

    def act(self, name: str, *args: int) -> int:
        """snp_NAME(vm, 64-bit arguments): add_ram, attack_remap ..."""
        return self._act(f"snp_{name}", *args)

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

    def state(self, gpa: int) -> int:
        return int(self.lib.snp_vm_page_state(self.vm, ct.c_uint64(gpa)))

    def describe(self, gpa: int) -> str:
        text = ct.create_string_buffer(256)
        self.lib.snp_vm_describe(self.vm, ct.c_uint64(gpa), text, ct.c_size_t(256))
        return text.value.decode()

    def runs(self) -> list[tuple[int, int, int]]:
        return list(_runs(self.lib.snp_vm_next_run, self.vm))

    def accepted(self) -> int:
        return int(self.lib.snp_vm_accepted_bytes(self.vm))

    def dump(self) -> bytes:
        """Planes of one byte per page: state, RMP flags, shared, permissions of VMPL 0-3."""
        pages = self.layout.top // PAGE
        out = ct.create_string_buffer(7 * pages)
        self.lib.support_snp_dump(self.vm, ct.c_uint64(pages), out)
        return out.raw

    def events(self) -> list[Event]:
        return self.recorder.take_events()


class Tdx:
    """One TD."""

    def __init__(self, layout: Layout, **config: int) -> None:
        self.lib = library()
        self.layout = layout
        self.recorder = Recorder(layout.top)
        values = {"gpaw": 48, "vcpus": 2, "attributes": 1 << 28, "top": layout.top} | config
        self.config = TdxConfig(**values)
        pointer = self.lib.support_tdx_new(ct.byref(self.config), ct.byref(self.recorder.ops))
        if not pointer:
            raise ValueError("the model refuses this configuration")
        self.vm = ct.c_void_p(pointer)
        for name, ranges in (
            ("tdx_vm_add_ram", layout.ram),
            ("tdx_vm_launch", layout.accepted),
            ("tdx_vm_share", layout.shared),
        ):
            for at, size in ranges:
                if self._act(name, at, size):
                    raise ValueError(f"{name}({at:#x}, {size:#x}) refused")
        self.lib.tdx_vm_start(self.vm)

    def __del__(self) -> None:
        if hasattr(self, "vm"):
            self.lib.support_free(self.vm)

    def _act(self, name: str, *args: int) -> int:
        return int(getattr(self.lib, name)(self.vm, *(ct.c_uint64(a) for a in args)))

    def act(self, name: str, *args: int) -> int:
        """tdx_NAME(vm, 64-bit arguments): add_ram, attack_remove ..."""
        return self._act(f"tdx_{name}", *args)

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

    def state(self, gpa: int) -> int:
        return int(self.lib.tdx_vm_page_state(self.vm, ct.c_uint64(gpa)))

    def describe(self, gpa: int) -> str:
        text = ct.create_string_buffer(256)
        self.lib.tdx_vm_describe(self.vm, ct.c_uint64(gpa), text, ct.c_size_t(256))
        return text.value.decode()

    def runs(self) -> list[tuple[int, int, int]]:
        return list(_runs(self.lib.tdx_vm_next_run, self.vm))

    def accepted(self) -> int:
        return int(self.lib.tdx_vm_accepted_bytes(self.vm))

    def dump(self) -> bytes:
        """Planes of one byte per page: state, SEPT state, level, shared."""
        pages = self.layout.top // PAGE
        out = ct.create_string_buffer(4 * pages)
        self.lib.support_tdx_dump(self.vm, ct.c_uint64(pages), out)
        return out.raw

    def events(self) -> list[Event]:
        return self.recorder.take_events()


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
