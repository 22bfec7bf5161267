/* SPDX-License-Identifier: GPL-2.0-only */
/* CPUID of an SNP guest, and the two pages that launch fills for it. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "snp.h"
#include "host.h"

#define CPUID_ENTRIES_MAX 64    /* Linux coco/sev/shared.c: SNP_CPUID_COUNT_MAX */
#define LEAF_SEV 0x8000001fu

/* 8000001F: APM Vol 3 appendix E.4.17 */
#define SEV_EAX (1u << 1 | 1u << 3 | 1u << 4 | 1u << 5)    /* SEV, ES, SNP, VMPL */
#define SEV_EBX_PHYS_REDUCTION (1u << 6)
#define SEV_EBX_VMPLS (4u << 12)
#define SEV_EBX_COHERENCY_SFW_NO (1u << 31)

struct cpuid_entry {
    uint32_t eax_in, ecx_in;
    uint64_t xcr0_in, xss_in;
    uint32_t reg[4];
    uint64_t reserved;
};

struct cpuid_page {
    uint32_t count;
    uint32_t reserved1;
    uint64_t reserved2;
    struct cpuid_entry entry[CPUID_ENTRIES_MAX];
};

QEMU_BUILD_BUG_ON(sizeof(struct cpuid_entry) != 48);

void snp_cpuid(EmulatedCpu *cpu, uint32_t leaf, uint32_t subleaf,
               uint32_t regs[4])
{
    host_answer_cpuid(cpu, leaf, subleaf, regs);
    if (leaf == LEAF_SEV) {
        regs[HOST_EAX] = SEV_EAX;
        regs[HOST_EBX] = SNP_C_BIT | SEV_EBX_PHYS_REDUCTION | SEV_EBX_VMPLS |
                         SEV_EBX_COHERENCY_SFW_NO;
        regs[HOST_ECX] = 0;
        regs[HOST_EDX] = 0;
    }
}

static void add(EmulatedCpu *cpu, struct cpuid_page *page, uint32_t leaf,
                uint32_t subleaf)
{
    struct cpuid_entry *entry = &page->entry[page->count];

    if (page->count == CPUID_ENTRIES_MAX) {
        return;
    }
    entry->eax_in = leaf;
    entry->ecx_in = subleaf;
    snp_cpuid(cpu, leaf, subleaf, entry->reg);
    if (leaf == 0xd && subleaf <= 1) {
        /* The guest computes the size from the features that it enables;
         * XSAVE area without any is 0x240 bytes (SDM Vol 1 13.4). */
        entry->xcr0_in = subleaf == 0 ? 1 : 0;
        entry->reg[HOST_EBX] = 0x240;
    }
    page->count++;
}

static void add_range(EmulatedCpu *cpu, struct cpuid_page *page,
                      uint32_t from, uint32_t to)
{
    uint32_t leaf, subleaf;

    for (leaf = from; leaf <= to; leaf++) {
        switch (leaf) {
        case 0x4:
        case 0x8000001d:
            for (subleaf = 0; subleaf < 4; subleaf++) {
                add(cpu, page, leaf, subleaf);
            }
            break;
        case 0x7:
        case 0xb:
            add(cpu, page, leaf, 0);
            add(cpu, page, leaf, 1);
            break;
        case 0xd:
            add(cpu, page, leaf, 0);
            add(cpu, page, leaf, 1);
            for (subleaf = 2; subleaf < 32; subleaf++) {
                uint32_t regs[4];

                snp_cpuid(cpu, leaf, subleaf, regs);
                if (regs[HOST_EAX]) {
                    add(cpu, page, leaf, subleaf);
                }
            }
            break;
        default:
            add(cpu, page, leaf, 0);
        }
    }
}

void snp_fill_cpuid_page(EmulatedCpu *cpu, void *memory)
{
    struct cpuid_page *page = memory;
    uint32_t regs[4];

    memset(page, 0, sizeof(*page));
    snp_cpuid(cpu, 0, 0, regs);
    add_range(cpu, page, 0, MIN(regs[HOST_EAX], 0xd));
    snp_cpuid(cpu, 0x80000000, 0, regs);
    add_range(cpu, page, 0x80000000, 0x80000008);
    add_range(cpu, page, 0x8000001d, MIN(regs[HOST_EAX], 0x80000021));
}

void snp_fill_secrets_page(void *memory)
{
    uint32_t *word = memory;

    /* Version 3, no SVSM, VMPL 0; the communication keys stay zero, as
     * nobody answers guest requests here (Linux asm/sev.h). */
    memset(memory, 0, 4096);
    word[0] = cpu_to_le32(3);
}
