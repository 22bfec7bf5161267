# SPDX-License-Identifier: GPL-2.0-only
"""Who is kept waiting by an accept: told by the kernel functions that it happens in.

The names are those of Linux 6.5 to 6.12 (mm/page_alloc.c, mm/memblock.c, mm/mm_init.c, mm/memory.c, arch/x86/mm/fault.c,
kernel/workqueue.c, arch/x86/coco). A function that is not listed tells nothing.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Where(StrEnum):
    """What an accept held up."""

    FAULT = "page fault"
    ALLOCATION = "allocation"
    EARLY = "early boot"
    BACKGROUND = "background"
    CONVERSION = "conversion"
    UNKNOWN = "not known"


MEANING = {
    Where.FAULT: "a task waits in a page fault",
    Where.ALLOCATION: "somebody waits for memory, inline",
    Where.EARLY: "the boot waits: decompressor, memblock, the first page tables",
    Where.BACKGROUND: "a kernel thread or deferred set-up; nobody waits for this page",
    Where.CONVERSION: "pages come back from shared to private",
    Where.UNKNOWN: "neither probes nor the caller's name tell",
}

_PATTERNS = {
    Where.FAULT: r"(exc|asm_exc)_page_fault|do_user_addr_fault|handle_mm_fault|__handle_mm_fault|do_anonymous_page|"
    r"do_fault.*|do_huge_pmd_.*|wp_page_copy|do_wp_page",
    Where.BACKGROUND: r"deferred_.*|kthread|worker_thread|process_one_work|process_scheduled_works|kswapd.*|kcompactd.*|"
    r"khugepaged.*|padata_.*|.*unaccepted.*work.*|accept_.*_thread",
    Where.CONVERSION: r"(__)?set_memory_(de|en)crypted.*|__set_memory_enc_.*|free_decrypted_.*|snp_set_memory_private|"
    r"kernel_physical_mapping_change|(amd|tdx)_enc_status_change_.*|(snp|tdx|hv_vtom)_kexec_(begin|finish)",
    Where.ALLOCATION: r"get_page_from_freelist|__?alloc_pages.*|(__)?alloc_frozen_pages.*|alloc_pages_bulk.*|rmqueue.*|"
    r"__rmqueue.*|alloc_contig_.*|folio_alloc.*|__folio_alloc.*|vma_alloc_folio.*|cond_accept_memory|"
    r"try_to_accept_memory.*|split_large_buddy|start_isolate_page_range|isolate_single_pageblock",
    Where.EARLY: r"memblock_.*|__memblock_.*|early_.*|__early_.*|memmap_init.*|free_area_init.*|start_kernel|"
    r"mm_core_init_early|trap_init|x86_64_start_kernel|common_startup_64|secondary_startup_64.*|setup_arch|init_mem_mapping|mm_core_init|"
    r"__free_pages_core|free_low_memory_core_early|__free_memory_core|numa_.*|sparse_.*|"
    r"\(decompressor\)",
}
_COMPILED = {where: re.compile(pattern) for where, pattern in _PATTERNS.items()}
_SUFFIX = re.compile(r"(\.(isra|constprop|part|cold|llvm)\.?\d*.*|_noprof)$")
ENCLOSING = (Where.FAULT, Where.BACKGROUND, Where.CONVERSION, Where.ALLOCATION, Where.EARLY)
"""The outermost that is true decides: an allocation in a page fault keeps the fault waiting."""


def where_of(function: str) -> Where:
    """What a function's accepts hold up, by its name as symbol tables have it."""
    name = _SUFFIX.sub("", _SUFFIX.sub("", function.split("+")[0]))
    for where in ENCLOSING:
        if _COMPILED[where].fullmatch(name):
            return where
    return Where.UNKNOWN
