# SPDX-License-Identifier: GPL-2.0-only
"""What to watch in a guest's kernel, and the BPF program that does: calls and tracepoints with arguments, results, times, stacks, tasks."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass, replace
from pathlib import Path

from acceptlab.analysis.kernel import kernel_facts
from acceptlab.analysis.kernel.kernel_facts import Function
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.toolkit.kernels import running_kernel

_HOOKS = tuple(one for one in kernel_facts.functions(kernel_facts.HOOKS) if one.platform)
FUNCTIONS = (
    Function(kernel_facts.ACCEPT_MEMORY, (kernel_facts.START, "second")),
    *_HOOKS,
    *kernel_facts.functions(kernel_facts.CONVERSIONS),
    *kernel_facts.functions(kernel_facts.HANDLERS),
)
"""What to watch, with the names of the first two arguments as trace text has them. A kernel without one of them goes without."""
HOOKS = tuple(one.name for one in _HOOKS)
HANDLERS = kernel_facts.names(kernel_facts.HANDLERS)
BEGIN, END, CONVERTED = (
    kernel_facts.ACCEPT_BEGIN, kernel_facts.ACCEPT_END, kernel_facts.CONVERTED,
)  # fmt: skip
TRACEPOINTS = in_force(kernel_facts.TRACEPOINTS)
SYSTEM = kernel_facts.TRACEPOINT_GROUP
EVENTS = Path("/sys/kernel/tracing/events")
_FIELD = re.compile(
    r"field:(?P<type>[^;]*?)\s*\b(?P<name>\w+)(?:\[\d+\])?;\s*offset:(?P<offset>\d+);\s*size:(?P<size>\d+);"
)
_U64 = 8
_REASON = 16

_KALLSYMS = Path("/proc/kallsyms")
DIRECT_MAP = in_force(kernel_facts.DIRECT_MAP)[-1]


class Call(ctypes.Structure):
    """One call, return or tracepoint, as the program records it; `struct call` below.

    ``function`` is the address of a function, or 1 more than the index among TRACEPOINTS.
    """

    _fields_ = (
        ("clock", ctypes.c_uint64),
        ("function", ctypes.c_uint64),
        ("arguments", ctypes.c_uint64 * 2),
        ("value", ctypes.c_uint64),
        ("direct_map", ctypes.c_uint64),
        ("vcpu", ctypes.c_uint32),
        ("task", ctypes.c_uint32),
        ("process", ctypes.c_uint32),
        ("stack", ctypes.c_int32),
        ("returned", ctypes.c_uint64),
        ("name", ctypes.c_char * 16),
        ("reason", ctypes.c_char * _REASON),
        ("private", ctypes.c_uint64),
    )


_TEXT = """\
#include <linux/ptrace.h>
struct call {{
    u64 clock, function, arguments[2], value, direct_map;
    u32 vcpu, task, process;
    int stack;
    u64 returned;
    char name[16];
    u64 reason[2], private;
}};
BPF_RINGBUF_OUTPUT(calls, {pages});
BPF_STACK_TRACE(stacks, 16384);
BPF_ARRAY(lost, u64, 1);

static inline void note(void *ctx, struct call *call)
{{
    u64 task = bpf_get_current_pid_tgid();
    int zero = 0;

    call->clock = bpf_ktime_get_ns();
    call->vcpu = bpf_get_smp_processor_id();
    call->task = task;
    call->process = task >> 32;
    bpf_get_current_comm(call->name, sizeof(call->name));
    if (!calls.ringbuf_output(call, sizeof(*call), BPF_RB_NO_WAKEUP))
        return;
    u64 *count = lost.lookup(&zero);
    if (count)
        __sync_fetch_and_add(count, 1);
}}

int entered(struct pt_regs *ctx)
{{
    struct call call = {{ .arguments = {{ ctx->di, ctx->si }}, .function = bpf_get_func_ip(ctx) }};

    call.stack = stacks.get_stackid(ctx, 0);
    bpf_probe_read_kernel(&call.direct_map, 8, (void *){direct_map:#x}ULL);
    note(ctx, &call);
    return 0;
}}

int returned(struct pt_regs *ctx)
{{
    struct call call = {{ .value = ctx->ax, .stack = -1, .returned = 1, .function = bpf_get_func_ip(ctx) }};

    note(ctx, &call);
    return 0;
}}
"""
_TRACEPOINT_TEXT = """\

struct {name}_entry {{ {members} }};
int {name}(struct {name}_entry *ctx)
{{
    struct call call = {{ .arguments = {{ ctx->start, ctx->end }}, .function = {number} }};

    call.stack = stacks.get_stackid(ctx, 0);
    {takes}
    note(ctx, &call);
    return 0;
}}
"""


@dataclass(frozen=True)
class _Part:
    """A field of an entry that not every tracepoint has: its size in bytes, and how the program declares and takes it."""

    size: int
    declared: str
    taken: str


_PARTS = {
    "reason": _Part(
        _REASON,
        "u64 reason[2];",
        "call.reason[0] = ctx->reason[0]; call.reason[1] = ctx->reason[1];",
    ),
    "private": _Part(1, "u8 private;", "call.private = ctx->private;"),
    "ret": _Part(4, "int ret;", "call.value = (long long)ctx->ret;"),
}


@dataclass(frozen=True)
class Tracepoint:
    """One of TRACEPOINTS as this kernel has it: where its entry has ``start`` (``end`` follows), and which of _PARTS it has where."""

    name: str
    start: int
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def text(self) -> str:
        """The program for it."""
        members, at = [f"char before[{self.start}]; u64 start, end;"], self.start + 2 * _U64
        for name, offset in sorted(self.parts, key=lambda part: part[1]):
            if offset > at:
                members.append(f"char before_{name}[{offset - at}];")
            members.append(_PARTS[name].declared)
            at = offset + _PARTS[name].size
        return _TRACEPOINT_TEXT.format(
            name=self.name,
            number=TRACEPOINTS.index(self.name) + 1,
            members=" ".join(members),
            takes=" ".join(_PARTS[name].taken for name, _ in self.parts),
        )


def tracepoints(events: Path = EVENTS) -> list[Tracepoint]:
    """Return those of our series that this kernel has, as it describes their entries; one of another form is left out."""
    found = []
    for name in TRACEPOINTS:
        try:
            text = (events / SYSTEM / name / "format").read_text()
        except OSError:
            continue
        fields = {
            one["name"]: (int(one["offset"]), int(one["size"])) for one in _FIELD.finditer(text)
        }
        start, end = fields.get("start", (0, 0)), fields.get("end", (0, 0))
        if start[1] == _U64 and end == (start[0] + _U64, _U64):
            found.append(Tracepoint(name, start[0], _parts(fields, end[0] + _U64)))
    return found


def _parts(fields: dict[str, tuple[int, int]], behind: int) -> tuple[tuple[str, int], ...]:
    """Those of _PARTS that lie behind the range, and in the size that is expected."""
    return tuple(
        (name, fields[name][0])
        for name, part in _PARTS.items()
        if name in fields and fields[name][0] >= behind and fields[name][1] == part.size
        if fields[name][0] % min(part.size, _U64) == 0
    )


def program(ring_pages: int, direct_map: int, traced: list[Tracepoint]) -> str:
    """Return the program; its ring has ``ring_pages`` pages, ``direct_map`` is the address of DIRECT_MAP."""
    text = _TEXT.format(pages=ring_pages, direct_map=direct_map)
    return text + "".join(one.text for one in traced)


def functions() -> tuple[Function, ...]:
    """Return FUNCTIONS with the names that this kernel has for their arguments, where it tells."""
    return tuple(replace(one, arguments=_names(one)) for one in FUNCTIONS)


def _names(function: Function) -> tuple[str, ...]:
    return (*running_kernel.arguments(function.name), *function.arguments)[:2]


def addresses() -> dict[str, int]:
    """Return where this kernel has the functions and DIRECT_MAP; what it has not, or hides from us, is left out."""
    wanted = {function.name for function in FUNCTIONS} | {DIRECT_MAP}
    found = {}
    with _KALLSYMS.open() as lines:
        for line in lines:
            address, _, name = line.split()[:3]
            if name in wanted and int(address, 16):
                found[name] = int(address, 16)
    return found
