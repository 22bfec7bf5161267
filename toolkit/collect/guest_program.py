# SPDX-License-Identifier: GPL-2.0-only
"""What to watch in a guest's kernel, and the BPF program that does: calls with their arguments, results, times, stacks and tasks."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """A kernel function, and the names of its first two arguments as trace text has them."""

    name: str
    arguments: tuple[str, str]


FUNCTIONS = (
    Function("accept_memory", ("start", "size")),
    Function("snp_accept_memory", ("start", "end")),
    Function("tdx_accept_memory", ("start", "end")),
    Function("set_memory_encrypted", ("address", "pages")),
    Function("set_memory_decrypted", ("address", "pages")),
    Function("vc_raw_handle_exception", ("registers", "error_code")),
    Function("tdx_handle_virt_exception", ("registers", "information")),
)
"""Linux: drivers/firmware/efi/unaccepted_memory.c, the platforms' hooks behind it, arch/x86/mm/pat/set_memory.c, and what the #VC and
#VE entries call (the entries themselves are `noinstr`, where no kernel takes a probe). A kernel without one of them goes without."""

_KALLSYMS = Path("/proc/kallsyms")
DIRECT_MAP = "page_offset_base"
"""The variable that has the address at which physical memory is mapped (Documentation/arch/x86/x86_64/mm.rst)."""


class Call(ctypes.Structure):
    """One call or return, as the program records it; `struct call` below."""

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
    )


_TEXT = """\
#include <linux/ptrace.h>
struct call {{
    u64 clock, function, arguments[2], value, direct_map;
    u32 vcpu, task, process;
    int stack;
    u64 returned;
    char name[16];
}};
BPF_RINGBUF_OUTPUT(calls, {pages});
BPF_STACK_TRACE(stacks, 16384);
BPF_ARRAY(lost, u64, 1);

static inline void note(struct pt_regs *ctx, struct call *call)
{{
    u64 task = bpf_get_current_pid_tgid();
    int zero = 0;

    call->clock = bpf_ktime_get_ns();
    call->function = bpf_get_func_ip(ctx);
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
    struct call call = {{ .arguments = {{ ctx->di, ctx->si }} }};

    call.stack = stacks.get_stackid(ctx, 0);
    bpf_probe_read_kernel(&call.direct_map, 8, (void *){direct_map:#x}ULL);
    note(ctx, &call);
    return 0;
}}

int returned(struct pt_regs *ctx)
{{
    struct call call = {{ .value = ctx->ax, .stack = -1, .returned = 1 }};

    note(ctx, &call);
    return 0;
}}
"""


def program(ring_pages: int, direct_map: int) -> str:
    """Return the program; its ring has ``ring_pages`` pages, ``direct_map`` is the address of DIRECT_MAP."""
    return _TEXT.format(pages=ring_pages, direct_map=direct_map)


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
