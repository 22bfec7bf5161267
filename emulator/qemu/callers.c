/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Distribution kernels keep no frame pointers, so the stack is scanned for
 * the first value that points into the kernel's text, outside the functions
 * that merely carry acceptance out. Stale values lie on a stack as well: while
 * such a function runs, the return address of a call of one of them is
 * preferred, for that frame is live.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "guest.h"
#include "callers.h"

#define KERNEL_MAP 0xffffffff80000000ULL   /* Documentation/arch/x86/x86_64/mm.rst */
#define KERNEL_MAP_END 0xffffffffc0000000ULL
/* A descriptor of 64 page states (half a KiB) may lie on the stack. */
#define SCANNED_WORDS 192

/* CALL rel32: opcode, then the distance from the next instruction */
#define CALL_REL32 0xe8
#define CALL_SIZE 5

static bool is_caller(const KernelSymbols *symbols, uint64_t link_address)
{
    bool is_text = symbols->text.count
                   ? code_ranges_have(&symbols->text, link_address)
                   : link_address >= KERNEL_MAP &&
                     link_address < KERNEL_MAP_END;

    return is_text && !code_ranges_have(&symbols->skip, link_address);
}

/* Whether value is where a call of one of the skipped functions returns to. */
static bool returns_from_skipped(EmulatedCpu *cpu, uint64_t value,
                                 uint64_t kaslr)
{
    uint8_t call[CALL_SIZE];
    unsigned i;

    for (i = 0; i < CALL_SIZE; i++) {   /* it may lie across two pages */
        if (!emulated_cpu_peek(cpu, value - CALL_SIZE + i, &call[i], 1)) {
            return false;
        }
    }
    return call[0] == CALL_REL32 &&
           code_ranges_have(&cpu->guest->symbols.skip,
                            value + (int32_t)ldl_le_p(call + 1) - kaslr);
}

/* The stack from rsp on, as far as it is mapped; returns words read. */
static unsigned read_stack(EmulatedCpu *cpu, uint64_t rsp, uint64_t *word)
{
    unsigned count = 0;

    while (count < SCANNED_WORDS) {
        uint64_t at = rsp + count * sizeof(*word);
        unsigned in_page = (TARGET_PAGE_SIZE - (at & ~TARGET_PAGE_MASK))
                           / sizeof(*word);
        unsigned more = MIN(in_page, SCANNED_WORDS - count);

        if (!more || !emulated_cpu_peek(cpu, at, word + count,
                                        more * sizeof(*word))) {
            break;
        }
        count += more;
    }
    return count;
}

uint64_t guest_caller(EmulatedCpu *cpu, uint64_t rip)
{
    const KernelSymbols *symbols = &cpu->guest->symbols;
    CPUX86State *env = cpu->cs->env_ptr;
    uint64_t rsp = env->regs[R_ESP];
    uint64_t word[SCANNED_WORDS];
    uint64_t kaslr = cpu->guest->kaslr_offset[cpu->guest->second_kernel];
    uint64_t nearest = 0;
    unsigned count, i;

    if (!(env->hflags & HF_CS64_MASK) || (int64_t)rsp >= 0) {
        return 0;       /* not in the kernel proper yet */
    }
    count = read_stack(cpu, rsp, word);
    for (i = 0; i < count; i++) {
        uint64_t value = le64_to_cpu(word[i]);

        /* A return address follows its call, at times beyond the function. */
        if (value < KERNEL_MAP || !is_caller(symbols, value - kaslr - 1)) {
            continue;
        }
        nearest = nearest ? nearest : value;
        if (!code_ranges_have(&symbols->skip, rip - kaslr)) {
            break;
        }
        if (returns_from_skipped(cpu, value, kaslr)) {
            return value;
        }
    }
    return nearest;
}
