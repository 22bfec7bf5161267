/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Distribution kernels keep no frame pointers, so the stack is scanned for
 * the first value that points into the kernel's text, outside the functions
 * that merely carry acceptance out. Stale values lie on a stack as well: while
 * such a function runs, the return address of a call of one of them is
 * preferred, for that frame is live; then one behind any CALL. A call of a
 * function that exits to the host shows nothing: every #VC and #VE leaves one
 * behind. The event says which it was.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "compat.h"
#include "guest.h"
#include "callers.h"

#define KERNEL_MAP 0xffffffff80000000ULL   /* Documentation/arch/x86/x86_64/mm.rst */
#define KERNEL_MAP_END 0xffffffffc0000000ULL
/* A descriptor of 64 page states (half a KiB) may lie on the stack. */
#define SCANNED_WORDS 192

/* CALL rel32: opcode, then the distance from the next instruction */
#define CALL_REL32 0xe8
#define CALL_SIZE 5
/* CALL r/m64: opcode, then ModRM with /2 and what it asks for (SDM Vol 2) */
#define GROUP5 0xff
#define GROUP5_CALL 2
/* Opcode, ModRM, SIB, disp32 */
#define CALL_MAX 7

/* Whether the function only carries out what another one wants */
static bool carries_out(const KernelSymbols *symbols, uint64_t link_address)
{
    return code_ranges_have(&symbols->skip, link_address) ||
           code_ranges_have(&symbols->exits, link_address);
}

static bool is_caller(const KernelSymbols *symbols, uint64_t link_address)
{
    bool is_text = symbols->text.count
                   ? code_ranges_have(&symbols->text, link_address)
                   : link_address >= KERNEL_MAP &&
                     link_address < KERNEL_MAP_END;

    return is_text && !carries_out(symbols, link_address);
}

/* The bytes before value, the nearest last; false where they are not mapped. */
static bool read_call(EmulatedCpu *cpu, uint64_t value, uint8_t *code)
{
    unsigned i;

    if ((value & ~TARGET_PAGE_MASK) >= CALL_MAX) {
        return emulated_cpu_peek(cpu, value - CALL_MAX, code, CALL_MAX);
    }
    for (i = 0; i < CALL_MAX; i++) {   /* they lie across two pages */
        if (!emulated_cpu_peek(cpu, value - CALL_MAX + i, &code[i], 1)) {
            return false;
        }
    }
    return true;
}

/* Length of CALL r/m64 with this ModRM and SIB */
static unsigned indirect_length(uint8_t modrm, uint8_t sib)
{
    unsigned mod = modrm >> 6, rm = modrm & 7;
    unsigned length = 2 + (mod != 3 && rm == 4);

    if (mod == 1) {
        return length + 1;
    }
    if (mod == 2 || (mod == 0 && (rm == 5 || (rm == 4 && (sib & 7) == 5)))) {
        return length + 4;
    }
    return length;
}

static bool ends_in_indirect_call(const uint8_t *code)
{
    unsigned length;

    for (length = 2; length <= CALL_MAX; length++) {
        const uint8_t *call = code + CALL_MAX - length;

        if (call[0] == GROUP5 && (call[1] >> 3 & 7) == GROUP5_CALL &&
            indirect_length(call[1], length > 2 ? call[2] : 0) == length) {
            return true;
        }
    }
    return false;
}

/* What stands before value: a CALL of a skipped function, another one, none. */
static enum caller_how call_before(EmulatedCpu *cpu, uint64_t value,
                                   uint64_t kaslr)
{
    uint8_t code[CALL_MAX];
    const uint8_t *call = code + CALL_MAX - CALL_SIZE;

    if (!read_call(cpu, value, code)) {
        return CALLER_GUESS;
    }
    if (call[0] == CALL_REL32) {
        return code_ranges_have(&cpu->guest->symbols.skip,
                                value + (int32_t)ldl_le_p(call + 1) - kaslr)
               ? CALLER_BY_CALL : CALLER_BY_SCAN;
    }
    return ends_in_indirect_call(code) ? CALLER_BY_SCAN : CALLER_GUESS;
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

/* Whether b is a better answer than a */
static bool is_surer(enum caller_how b, enum caller_how a)
{
    return a == CALLER_NOT_KNOWN || b < a;
}

uint64_t guest_caller(EmulatedCpu *cpu, struct acc_event *event)
{
    const KernelSymbols *symbols = &cpu->guest->symbols;
    CPUX86State *env = cpu_env(cpu->cs);
    uint64_t rsp = env->regs[R_ESP];
    uint64_t word[SCANNED_WORDS];
    uint64_t kaslr = cpu->guest->kaslr_offset[cpu->guest->second_kernel];
    /* Outside of these functions no CALL is better than another. */
    enum caller_how best = carries_out(symbols, event->rip - kaslr)
                           ? CALLER_BY_CALL : CALLER_BY_SCAN;
    uint64_t caller = 0;
    unsigned count, i;

    if (!(env->hflags & HF_CS64_MASK) || (int64_t)rsp >= 0) {
        return 0;       /* not in the kernel proper yet */
    }
    count = read_stack(cpu, rsp, word);
    for (i = 0; i < count; i++) {
        uint64_t value = le64_to_cpu(word[i]);
        enum caller_how how;

        /* A return address follows its call, at times beyond the function. */
        if (value < KERNEL_MAP || !is_caller(symbols, value - kaslr - 1)) {
            continue;
        }
        if (i == 0 && event->kind == EVENT_PROBE_ENTER) {
            event->caller_how = CALLER_EXACT;
            return value;
        }
        how = MAX(call_before(cpu, value, kaslr), best);
        if (is_surer(how, event->caller_how)) {
            event->caller_how = how;
            caller = value;
        }
        if (how == best) {
            break;
        }
    }
    return caller;
}
