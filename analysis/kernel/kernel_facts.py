# SPDX-License-Identifier: GPL-2.0-only
"""What kernel versions are: every name, signature and format of Linux that acceptlab depends on, as rows with version ranges.

A new kernel is a row here, and no code. Rows are Python rather than a data file: mypy checks them, small guests need no parser,
and a row can name a platform's row instead of spelling its name.

Which rows a reader takes. Where a wrong fact would be believed (the second argument of accept_memory(), the function before whose
return there is no struct page), it takes those of the kernel's version. Where a name that a kernel lacks does no harm (functions to
skip, hooks to probe, tables to look for), it takes those of all versions: distributions and series bring later functions to older kernels, so
that the version would leave some out. Where the version is not known it takes all. Functions that a series alone has are in its
series.toml ([functions], docs/series.md); our series' tracepoints are here, for they are the interface between them and the readers of traces.

Versions were checked with the symbols of Debian's kernels 6.1, 6.12, 6.16, 6.18, 7.0 and 7.3. ANY is the first version
of what is older than the oldest of them, or may be in an older kernel of a distribution.

Needs Python alone: it is used in small guests, too.
"""

from __future__ import annotations

from acceptlab.analysis.kernel.versions import ANY, Row, in_force
from acceptlab.analysis.records import record
from acceptlab.analysis.run.platform import SNP, TDX


@record(frozen=True)
class Function:
    """A function, the names of its first arguments, and the platform in whose guests alone it runs ("": in all).

    ``result`` is what a kprobe has to fetch to record its value: a kernel with BTF refuses that for a void function. Empty: void.
    """

    name: str
    arguments: tuple[str, ...] = ()
    platform: str = ""
    result: str = ""


@record(frozen=True)
class Region:
    """Code, as the two symbols at its edges."""

    start: str
    end: str


@record(frozen=True)
class KallsymsFormat:
    """How a kernel's image has its symbol table: every table is aligned to ``alignment`` bytes.

    With ``has_base`` an offset counts from relative_base, else from its own place; with ``offsets_first`` offsets come
    before the names, else behind the tokens.
    """

    alignment: int
    has_base: bool
    offsets_first: bool


@record(frozen=True)
class PackageLayout:
    """What Debian's package with a kernel's image is called before the release, the one with its configuration, and the one with its modules."""

    image: str
    config: str
    modules: str


@record(frozen=True)
class Waiters:
    """Functions, as a regular expression for the whole name, whose accepts hold up one kind of waiter (measure/latency/stalls.py)."""

    where: str
    functions: str


_EFI = "drivers/firmware/efi/unaccepted_memory.c"
_ALLOC = "mm/page_alloc.c"

# --- asking for memory, and accepting it ---

ACCEPT_MEMORY = "accept_memory"
START, END, SIZE = "start", "end", "size"

UNACCEPTED_MEMORY = (
    Row((6, 5), None, "CONFIG_UNACCEPTED_MEMORY", f"Linux 6.5, {_EFI}"),
)  # fmt: skip
"""What a kernel is built with that can accept memory lazily."""
REQUESTS = (
    Row(ANY, (6, 11), Function(ACCEPT_MEMORY, (START, END)), f"Linux 6.5 and 6.11, {_EFI}"),
    Row((6, 12), None, Function(ACCEPT_MEMORY, (START, SIZE)), f"Linux 6.12, {_EFI}"),
)
"""Asks for memory, which may be accepted already."""
HOOKS = (
    Row(ANY, None, Function("arch_accept_memory", (START, END)), "Linux 6.5, arch/x86/include/asm/unaccepted_memory.h"),
    Row(ANY, None, Function("snp_accept_memory", (START, END), SNP.name), "Linux 6.5, arch/x86/coco/sev/core.c"),
    Row(ANY, None, Function("tdx_accept_memory", (START, END), TDX.name, "$retval:u8"), "Linux 6.5, arch/x86/coco/tdx/tdx-shared.c"),
)  # fmt: skip
"""Accept a range; behind accept_memory(). The first is inlined, the others are the platforms'."""
CONVERSIONS = (
    Row(ANY, None, Function("set_memory_encrypted", ("address", "pages")), "Linux 6.1, arch/x86/mm/pat/set_memory.c"),
    Row(ANY, None, Function("set_memory_decrypted", ("address", "pages")), "Linux 6.1, arch/x86/mm/pat/set_memory.c"),
)  # fmt: skip
HANDLERS = (
    Row(ANY, None, Function("vc_raw_handle_exception", ("registers", "error_code"), SNP.name), "Linux 6.1, arch/x86/kernel/sev.c"),
    Row(ANY, None, Function("tdx_handle_virt_exception", ("registers", "information"), TDX.name), "Linux 6.12, arch/x86/coco/tdx/tdx.c"),
)  # fmt: skip
"""What the #VC and #VE entries call; the entries themselves are noinstr, where no kernel takes a probe."""
TRACEPOINT_GROUP = "accept"
ACCEPT_BEGIN, ACCEPT_END, CONVERTED = "accept_memory_begin", "accept_memory_end", "convert_memory"
_TRACE = "include/trace/events/accept.h of the series lazy-accept (6.1) and accept-trace (6.12)"
TRACEPOINTS = (
    Row(ANY, None, ACCEPT_BEGIN, _TRACE),
    Row(ANY, None, ACCEPT_END, _TRACE),
    Row(ANY, None, CONVERTED, _TRACE),
)
"""Of our series: around each range that is really accepted, and behind a conversion."""
EARLY_INIT = (
    Row(ANY, None, Function("snp_init", platform=SNP.name), "Linux 6.1, arch/x86/kernel/sev.c"),
    Row(ANY, None, Function("snp_set_wakeup_secondary_cpu", platform=SNP.name), "Linux 6.1, arch/x86/kernel/sev.c"),
    Row(ANY, None, Function("tdx_early_init", platform=TDX.name), "Linux 6.12, arch/x86/coco/tdx/tdx.c"),
)  # fmt: skip
"""Functions of which every kernel with support for the platform has one."""
STARTUP_PREFIXES = (
    Row((6, 18), None, "__pi_", "Linux 6.18, arch/x86/boot/startup/Makefile"),
)  # fmt: skip
"""Of names in code that runs before the kernel's own mapping."""

# --- functions that only carry out an accept or a conversion: never its cause ---

_SEV = "Linux 6.1, arch/x86/kernel/sev.c; since 6.11 arch/x86/coco/sev/core.c"
_TDX = "Linux 6.5, arch/x86/coco/tdx"
SKIPPED = (
    Row(ANY, None, r"pvalidate.* | __pvalidate.*", _SEV),
    Row((6, 11), None, r"pval_pages | svsm_.*pval(idate)?(_.*)?", "Linux 6.12, arch/x86/coco/sev/core.c"),
    Row(ANY, None, r"_?_?set_pages_state | early_set_pages_state | (__)?page_state_change", _SEV),
    Row(ANY, None, r"vmgexit_psc", "Linux 6.1, arch/x86/kernel/sev.c"),
    Row(ANY, None, r"snp_set_memory_.* | early_snp_set_memory_.* | snp_set_page_.*", _SEV),
    Row(ANY, None, r"snp_accept_memory", "Linux 6.5, arch/x86/coco/sev/core.c"),
    Row(ANY, None, r"tdx_accept_memory | try_accept_one", "Linux 6.5, arch/x86/coco/tdx/tdx-shared.c"),
    Row(ANY, None, r"tdx_enc_status_changed.* | tdx_map_gpa", f"{_TDX}/tdx.c"),
    Row(ANY, None, r"(arch_)?accept_memory", f"Linux 6.5, {_EFI}"),
    Row(ANY, None, r"accept_page | __accept_page", f"Linux 6.12, {_ALLOC}"),
    Row(ANY, None, r"cond_accept_memory | try_to_accept_memory.*", f"Linux 6.5 and 6.12, {_ALLOC}"),
    Row((6, 11), (6, 11), r"accept_page_memory", "posted for Linux 6.12, message 20240805145940.2911011-5; merged without"),
)  # fmt: skip
"""Regular expressions for the whole name, spaces left out, without the prefix of startup code and the compiler's suffix."""
EXITS = (
    Row(ANY, None, r"sev_es_.*", _SEV),
    Row(
        ANY,
        None,
        r"do_early_exception | early_idt_handler_.* | handle_vc_boot_ghcb",
        "Linux 6.1, arch/x86/kernel/head64.c, head_64.S and sev.c",
    ),
    Row(ANY, None, r"__tdcall.* | __tdx_hypercall.*", f"{_TDX}/tdcall.S and tdx-shared.c"),
)
"""As SKIPPED: functions that leave the guest whatever for, CPUID and MSRs included, so that a call of one says nothing of an accept."""

# --- locks ---

UNACCEPTED_LOCK = "unaccepted_memory_lock"
LOCKS = (
    Row(ANY, None, UNACCEPTED_LOCK, f"Linux 6.5, {_EFI}"),
)  # fmt: skip
"""What accept_memory() takes."""
ACCEPTING_LIST = "accepting_list"
"""Ranges that are being accepted while the lock is not held: struct accept_range, Linux 6.7, drivers/firmware/efi/unaccepted_memory.c."""
UNACCEPTED_LOCK_TAKERS = frozenset({"accept_memory", "range_contains_unaccepted_memory"})
"""Functions that hold the lock (Linux 6.5 to 7.3, the same file)."""
QUEUED_LOCKS = (
    Row(ANY, None, "native_queued_spin_lock_slowpath", "Linux 6.1, kernel/locking/qspinlock.c"),
    Row(ANY, None, "__pv_queued_spin_lock_slowpath", "Linux 6.1, kernel/locking/qspinlock.c"),
)
"""Where a vCPU waits for a spinlock that is a queued one; a kernel without them has spinlocks of another shape."""
LOCKING = (
    Row(ANY, None, "_raw_spin_lock_irqsave", "Linux 6.1, kernel/locking/spinlock.c"),
    Row(ANY, None, "_raw_spin_lock", "Linux 6.1, kernel/locking/spinlock.c"),
)
"""Take a spin lock, their first argument."""
UNLOCKING = (
    Row(ANY, None, "_raw_spin_unlock_irqrestore", "Linux 6.1, kernel/locking/spinlock.c"),
    Row(ANY, None, "_raw_spin_unlock", "Linux 6.1, kernel/locking/spinlock.c"),
)
"""Release a spin lock, their first argument."""
RT_LOCKING = (Row((5, 15), None, "rt_spin_lock", "Linux 5.15, kernel/locking/spinlock_rt.c"),)
"""Take a spinlock_t with CONFIG_PREEMPT_RT, which has no others for it."""
RT_UNLOCKING = (Row((5, 15), None, "rt_spin_unlock", "Linux 5.15, kernel/locking/spinlock_rt.c"),)
"""Release it."""

# --- landmarks of a boot ---

PANIC = "panic"
OOPS = "oops_enter"
"""Called once an oops, before anything is printed of it (Linux 6.1 and 7.3, kernel/panic.c)."""
TEXT = (
    Row(ANY, None, Region("_stext", "_etext"), "Linux 6.1, include/asm-generic/sections.h"),
    Row(ANY, None, Region("_sinittext", "_einittext"), "Linux 6.1, include/asm-generic/sections.h"),
)
"""The kernel's code, first what stays, then what is freed after the boot."""
TEXT_STARTS = (
    Row(ANY, None, "_text", "Linux 6.1, include/asm-generic/sections.h"),
    Row(ANY, None, "_stext", "Linux 6.1, include/asm-generic/sections.h"),
)
"""Symbols of which at least one is where the kernel's text begins."""
FIRST_STRUCT_PAGES = (
    Row(ANY, (6, 19), "free_area_init", "Linux 6.1, mm/page_alloc.c; 6.12, mm/mm_init.c"),
    Row((7, 0), None, "mm_core_init_early", "Linux 7.0, mm/mm_init.c: ends with free_area_init(), which is static and inlined there"),
)  # fmt: skip
"""Before it returns there is no struct page at all."""
LAST_STRUCT_PAGES = (
    Row(ANY, None, "page_alloc_init_late", "Linux 6.1, mm/page_alloc.c; 6.12, mm/mm_init.c"),
)  # fmt: skip
"""Before it returns, deferred struct pages are not there yet (CONFIG_DEFERRED_STRUCT_PAGE_INIT)."""
EVERY_BOOT = (
    Row(ANY, None, "start_kernel", "Linux 6.1, init/main.c"),
    *FIRST_STRUCT_PAGES,
    Row(ANY, None, "mm_core_init", "Linux 6.12, mm/mm_init.c"),
    *LAST_STRUCT_PAGES,
)
"""Functions that run once in every boot, before userspace."""

WATERMARKS = (
    Row(ANY, None, "setup_per_zone_wmarks", f"Linux 6.1, {_ALLOC}"),
)  # fmt: skip
"""Gives zones their watermarks, for the first time late in the boot."""
DIRECT_MAP = (
    Row(ANY, None, "page_offset_base", "Linux 6.1, arch/x86/kernel/head64.c"),
)  # fmt: skip
"""The variable that has the address at which physical memory is mapped."""

# --- waiting for an accept ---

WAITING_CALLS = (Row(ANY, None, "get_page_from_freelist", f"Linux 6.1, {_ALLOC}"),)
"""Functions that keep somebody waiting who wants memory: what a call accepts on its vCPU, it waits for."""
WAITERS = (
    Row(ANY, None, Waiters("page fault", r"(exc|asm_exc)_page_fault|do_user_addr_fault"), "Linux 6.12, arch/x86/mm/fault.c"),
    Row(ANY, None, Waiters("page fault", r"handle_mm_fault|__handle_mm_fault|do_anonymous_page|do_fault.*|do_huge_pmd_.*|wp_page_copy|do_wp_page"), "Linux 6.12, mm/memory.c and mm/huge_memory.c"),
    Row(ANY, None, Waiters("background", r"deferred_.*"), "Linux 6.12, mm/mm_init.c"),
    Row(ANY, None, Waiters("background", r"kthread|worker_thread|process_one_work|process_scheduled_works|padata_.*"), "Linux 6.12, kernel/kthread.c, kernel/workqueue.c and kernel/padata.c"),
    Row(ANY, None, Waiters("background", r"kswapd.*|kcompactd.*|khugepaged.*"), "Linux 6.12, mm/vmscan.c, mm/compaction.c and mm/khugepaged.c"),
    Row(ANY, None, Waiters("background", r".*unaccepted.*work.*|accept_.*_thread"), f"Linux 6.12, {_ALLOC}; the series lazy-accept (6.1)"),
    Row(ANY, None, Waiters("conversion", r"(__)?set_memory_(de|en)crypted.*|__set_memory_enc_.*|free_decrypted_.*|snp_set_memory_private|kernel_physical_mapping_change"), "Linux 6.12, arch/x86/mm/pat/set_memory.c and arch/x86/mm/mem_encrypt_amd.c"),
    Row(ANY, None, Waiters("conversion", r"(amd|tdx)_enc_status_change_.*|(snp|tdx|hv_vtom)_kexec_(begin|finish)"), "3074152e56c9 (6.13); Linux 6.12, arch/x86/coco/tdx/tdx.c"),
    Row(ANY, None, Waiters("allocation", r"get_page_from_freelist|__?alloc_pages.*|(__)?alloc_frozen_pages.*|alloc_pages_bulk.*|rmqueue.*|__rmqueue.*|alloc_contig_.*|folio_alloc.*|__folio_alloc.*|vma_alloc_folio.*"), "Linux 6.12, mm/page_alloc.c and mm/mempolicy.c"),
    Row(ANY, None, Waiters("allocation", r"cond_accept_memory|try_to_accept_memory.*|split_large_buddy|start_isolate_page_range|isolate_single_pageblock"), "Linux 6.12, mm/page_alloc.c and mm/page_isolation.c"),
    Row(ANY, None, Waiters("early boot", r"memblock_.*|__memblock_.*|free_low_memory_core_early|__free_memory_core"), "Linux 6.12, mm/memblock.c"),
    Row(ANY, None, Waiters("early boot", r"early_.*|__early_.*|start_kernel|trap_init|x86_64_start_kernel|common_startup_64|secondary_startup_64.*|setup_arch|init_mem_mapping"), "Linux 6.12, init/main.c and arch/x86"),
    Row(ANY, None, Waiters("early boot", r"memmap_init.*|free_area_init.*|mm_core_init|__free_pages_core|numa_.*|sparse_.*"), "Linux 6.12, mm"),
    Row((7, 0), None, Waiters("early boot", r"mm_core_init_early"), "Linux 7.0, mm/mm_init.c"),
    Row(ANY, None, Waiters("early boot", r"\(decompressor\)"), "no function: the stage before the kernel, which has no symbols"),
)  # fmt: skip

# --- formats ---

KALLSYMS = (
    Row((6, 1), (6, 3), KallsymsFormat(8, has_base=True, offsets_first=True), "Linux 6.1, scripts/kallsyms.c"),
    Row((6, 4), (6, 19), KallsymsFormat(8, has_base=True, offsets_first=False), "Linux 6.4, scripts/kallsyms.c"),
    Row((7, 0), None, KallsymsFormat(4, has_base=False, offsets_first=False), "Linux 7.0, scripts/kallsyms.c and kernel/kallsyms.c, kallsyms_sym_address()"),
)  # fmt: skip
PRINTK_INFO = (
    Row(ANY, None, 88, "Linux 6.1, kernel/printk/printk_ringbuffer.h"),
    Row((6, 17), None, 112, "Linux 6.17, kernel/printk/printk_ringbuffer.h: with CONFIG_PRINTK_EXECUTION_CTX"),
)  # fmt: skip
"""Bytes of struct printk_info, the description of a record of the kernel's log; emulator/qemu/printk.c looks for these."""
PACKAGES = (
    Row(ANY, (6, 18), PackageLayout("linux-image-", "linux-image-", "linux-image-"), "Debian's source package linux, 6.18"),
    Row((6, 19), None, PackageLayout("linux-binary-", "linux-base-", "linux-modules-"), "Debian's source package linux, 6.19: linux-image-V only depends on linux-binary-V"),
)  # fmt: skip


def names(rows: tuple[Row[Function], ...], platform: str | None = None) -> tuple[str, ...]:
    """The names of functions of all versions, of one platform's guests, or of all."""
    return tuple(dict.fromkeys(one.name for one in functions(rows, platform)))


def functions(rows: tuple[Row[Function], ...], platform: str | None = None) -> tuple[Function, ...]:
    """Functions of all versions that run in guests of a platform; without one, those of any."""
    return tuple(
        one for one in in_force(rows) if platform is None or one.platform in ("", platform)
    )
