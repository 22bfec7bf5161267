/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory as vCPUs and the host see it, and the ways to look at it. */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qapi/error.h"
#include "cpu.h"
#include "compat.h"
#include "exec/address-spaces.h"
#include "exec/exec-all.h"
#include "guest.h"

void emulated_guest_init_memory(EmulatedGuest *guest)
{
    MemoryRegion *all = g_new(MemoryRegion, 1);
    MemoryRegion *seen = g_new(MemoryRegion, 1);

    memory_region_init(&guest->cpu_view, OBJECT(guest), "guest-memory",
                       UINT64_MAX);
    memory_region_init_alias(all, OBJECT(guest), "guest-memory.system",
                             get_system_memory(), 0, UINT64_MAX);
    memory_region_add_subregion_overlap(&guest->cpu_view, 0, all, 0);
    /* _nomigrate: the other kind takes its owner for a device. */
    memory_region_init_ram_nomigrate(&guest->ciphertext, OBJECT(guest),
                                     "ciphertext", TARGET_PAGE_SIZE,
                                     &error_fatal);
    memory_region_add_subregion_overlap(&guest->cpu_view, EMULATED_GUEST_CIPHERTEXT,
                                        &guest->ciphertext, 2);
    address_space_init(&guest->ram, &guest->cpu_view, "guest-memory.ram");
    memory_region_init(&guest->watched_view, OBJECT(guest),
                       "guest-memory.watched", UINT64_MAX);
    memory_region_init_alias(seen, OBJECT(guest), "guest-memory.seen",
                             &guest->cpu_view, 0, UINT64_MAX);
    memory_region_add_subregion_overlap(&guest->watched_view, 0, seen, 0);
    address_space_init(&guest->memory, &guest->watched_view, "guest-memory");
}

void emulated_guest_fill_ciphertext(EmulatedGuest *guest)
{
    uint64_t *word = memory_region_get_ram_ptr(&guest->ciphertext);
    uint64_t x = 0x9e3779b97f4a7c15ULL;
    unsigned i;

    for (i = 0; i < TARGET_PAGE_SIZE / sizeof(*word); i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        word[i] = x;
    }
}

void *emulated_guest_ram(EmulatedGuest *guest, hwaddr gpa, hwaddr size)
{
    MemoryRegionSection section;
    void *pointer = NULL;

    section = memory_region_find(&guest->cpu_view, gpa, size);
    if (section.mr && memory_region_is_ram(section.mr) &&
        !section.mr->readonly && int128_get64(section.size) >= size) {
        pointer = memory_region_get_ram_ptr(section.mr) +
                  section.offset_within_region;
    }
    memory_region_unref(section.mr);
    return pointer;
}

void emulated_guest_lose_content(EmulatedGuest *guest, hwaddr gpa,
                                 hwaddr size, bool shared)
{
    const void *noise = memory_region_get_ram_ptr(&guest->ciphertext);
    hwaddr end = gpa + size;

    for (; gpa < end; gpa += TARGET_PAGE_SIZE) {
        void *page = emulated_guest_ram(guest, gpa, TARGET_PAGE_SIZE);

        if (page && shared) {
            memset(page, 0, TARGET_PAGE_SIZE);
        } else if (page) {
            memcpy(page, noise, TARGET_PAGE_SIZE);
        }
    }
}

void *emulated_guest_state_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (!size || memory == MAP_FAILED) {
        error_report("page states: cannot map %zu bytes", size);
        exit(1);
    }
    return memory;
}

void emulated_guest_flush(EmulatedGuest *guest)
{
    CPUState *cs = current_cpu ? current_cpu : first_cpu;

    tlb_flush_all_cpus_synced(cs);
}

EmulatedCpu *emulated_cpu_running(EmulatedGuest *guest)
{
    return current_cpu ? cpu_env(current_cpu)->confidential : &guest->cpu[0];
}

uint64_t emulated_cpu_rip(EmulatedCpu *cpu, uintptr_t retaddr)
{
    CPUX86State *env = cpu_env(cpu->cs);
    uint64_t data[TARGET_INSN_START_WORDS];

    if (retaddr && cpu_unwind_state_data(cpu->cs, retaddr, data)) {
        return (env->eip & TARGET_PAGE_MASK) | data[0];
    }
    return env->eip;
}

bool emulated_cpu_peek(EmulatedCpu *cpu, vaddr gva, void *to, size_t size)
{
    MemTxAttrs attrs;
    hwaddr gpa = cpu_get_phys_page_attrs_debug(cpu->cs, gva & TARGET_PAGE_MASK,
                                               &attrs);
    const void *from;

    if (gpa == (hwaddr)-1 ||
        (gva & ~TARGET_PAGE_MASK) + size > TARGET_PAGE_SIZE) {
        return false;
    }
    from = emulated_guest_ram(cpu->guest, gpa + (gva & ~TARGET_PAGE_MASK),
                              size);
    if (!from) {
        return false;
    }
    memcpy(to, from, size);
    return true;
}
