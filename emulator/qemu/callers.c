/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Distribution kernels keep no frame pointers, so the stack is scanned for
 * the first value that points into the kernel's text, outside the functions
 * that merely carry acceptance out. Stale values lie on a stack as well: while
 * such a function runs, the return address of a call of one of them is
 * preferred, for that frame is live.
 */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "cpu.h"
#include "guest.h"
#include "callers.h"
#include "panic.h"

#define KERNEL_MAP 0xffffffff80000000ULL   /* Documentation/arch/x86/x86_64/mm.rst */
#define KERNEL_MAP_END 0xffffffffc0000000ULL
/* A descriptor of 64 page states (half a KiB) may lie on the stack. */
#define SCANNED_WORDS 192

typedef struct TextRange {
    uint64_t start;
    uint64_t end;
} TextRange;

static const TextRange anywhere = { KERNEL_MAP, KERNEL_MAP_END };
static TextRange *text;     /* none: anywhere */
static unsigned texts;
static TextRange *skip;
static unsigned skips;

/* CALL rel32: opcode, then the distance from the next instruction */
#define CALL_REL32 0xe8
#define CALL_SIZE 5

static bool read_line(const char *line)
{
    g_auto(GStrv) word = g_strsplit(line, " ", -1);
    TextRange range;

    if (g_strv_length(word) != 3 ||
        qemu_strtou64(word[1], NULL, 0, &range.start) ||
        qemu_strtou64(word[2], NULL, 0, &range.end)) {
        return false;
    }
    if (g_str_equal(word[0], "text")) {
        text = g_renew(TextRange, text, texts + 1);
        text[texts++] = range;
        return true;
    }
    if (g_str_equal(word[0], "panic")) {
        panic_watch(range.start);
        return true;
    }
    skip = g_renew(TextRange, skip, skips + 1);
    skip[skips++] = range;
    return g_str_equal(word[0], "skip");
}

bool callers_read(const char *path, Error **errp)
{
    g_autofree char *content = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned i;

    if (!g_file_get_contents(path, &content, NULL, &error)) {
        error_setg(errp, "machinery: %s", error->message);
        return false;
    }
    lines = g_strsplit(content, "\n", -1);
    for (i = 0; lines[i]; i++) {
        if (*g_strstrip(lines[i]) && !read_line(lines[i])) {
            error_setg(errp, "machinery: %s:%u: cannot use '%s'", path, i + 1,
                       lines[i]);
            return false;
        }
    }
    return true;
}

static bool is_in(const TextRange *range, unsigned count, uint64_t address)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (address >= range[i].start && address < range[i].end) {
            return true;
        }
    }
    return false;
}

static bool is_caller(uint64_t link_address)
{
    return (texts ? is_in(text, texts, link_address)
                  : is_in(&anywhere, 1, link_address)) &&
           !is_in(skip, skips, link_address);
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
           is_in(skip, skips, value + (int32_t)ldl_le_p(call + 1) - kaslr);
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
        if (value < KERNEL_MAP || !is_caller(value - kaslr - 1)) {
            continue;
        }
        nearest = nearest ? nearest : value;
        if (!is_in(skip, skips, rip - kaslr)) {
            break;
        }
        if (returns_from_skipped(cpu, value, kaslr)) {
            return value;
        }
    }
    return nearest;
}
