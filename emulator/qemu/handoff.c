/* SPDX-License-Identifier: GPL-2.0-only */
/* Reader of the boot handoff file: one `keyword NUMBER [NUMBER]` per line. */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "handoff.h"

static const char *const range_keyword[] = {
    [RANGE_RAM] = "ram",
    [RANGE_ACCEPTED] = "accepted",
    [RANGE_SHARED] = "shared",
    [RANGE_SLOT] = "slot",
};

/* Addresses that stand alone on their line, by keyword. */
static const struct {
    const char *keyword;
    size_t offset;
} address_keyword[] = {
    { "unaccepted-table", offsetof(Handoff, unaccepted_table) },
    { "unaccepted-table-size", offsetof(Handoff, unaccepted_table_size) },
    { "cpuid-page", offsetof(Handoff, cpuid_page) },
    { "secrets-page", offsetof(Handoff, secrets_page) },
    { "entry", offsetof(Handoff, entry) },
    { "boot-params", offsetof(Handoff, boot_params) },
    { "page-table", offsetof(Handoff, page_table) },
    { "stack", offsetof(Handoff, stack) },
    { "ap-entry", offsetof(Handoff, ap_entry) },
    { "td-hob", offsetof(Handoff, td_hob) },
    { "kernel-size", offsetof(Handoff, kernel_size) },
    { "kernel-entry", offsetof(Handoff, kernel_entry) },
};

static bool add_range(Handoff *handoff, enum handoff_range_kind kind,
                      uint64_t start, uint64_t size)
{
    if ((start | size) & (4 * KiB - 1) || !size || start + size < start) {
        return false;
    }
    handoff->ranges = g_renew(HandoffRange, handoff->ranges,
                                handoff->count + 1);
    handoff->ranges[handoff->count++] =
        (HandoffRange) { kind, start, size };
    if (kind == RANGE_RAM || kind == RANGE_SLOT) {
        handoff->memory_top = MAX(handoff->memory_top, start + size);
    }
    return true;
}

/* Eight bytes of code, as a little-endian number */
static bool add_code(Handoff *handoff, uint64_t code)
{
    if (handoff->kernel_code_size == HANDOFF_CODE_MAX) {
        return false;
    }
    stq_le_p(handoff->kernel_code + handoff->kernel_code_size, code);
    handoff->kernel_code_size += sizeof(code);
    return true;
}

static bool read_line(Handoff *handoff, char **word)
{
    unsigned words = g_strv_length(word);
    uint64_t number[2] = { 0 };
    unsigned i;

    for (i = 1; i < words && i < 3; i++) {
        if (qemu_strtou64(word[i], NULL, 0, &number[i - 1])) {
            return false;
        }
    }
    for (i = 0; i < ARRAY_SIZE(range_keyword); i++) {
        if (g_str_equal(word[0], range_keyword[i])) {
            return words == 3 && add_range(handoff, i, number[0], number[1]);
        }
    }
    for (i = 0; i < ARRAY_SIZE(address_keyword); i++) {
        if (g_str_equal(word[0], address_keyword[i].keyword)) {
            *(uint64_t *)((char *)handoff + address_keyword[i].offset) =
                number[0];
            return words == 2;
        }
    }
    if (g_str_equal(word[0], "gdt")) {
        handoff->gdt = number[0];
        handoff->gdt_size = number[1];
        return words == 3;
    }
    if (g_str_equal(word[0], "firmware")) {
        handoff->firmware = number[0];
        handoff->firmware_size = number[1];
        return words == 3 && number[1];
    }
    if (g_str_equal(word[0], "kernel-code")) {
        return words == 2 && add_code(handoff, number[0]);
    }
    return false;
}

bool handoff_read(Handoff *handoff, const char *path, Error **errp)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned i;

    if (!g_file_get_contents(path, &text, NULL, &error)) {
        error_setg(errp, "boot handoff: %s", error->message);
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        g_auto(GStrv) word = NULL;

        if (!*g_strstrip(lines[i]) || lines[i][0] == '#') {
            continue;
        }
        word = g_strsplit(lines[i], " ", -1);
        if (!read_line(handoff, word)) {
            error_setg(errp, "boot handoff: %s:%u: cannot use '%s'", path, i + 1,
                       lines[i]);
            return false;
        }
    }
    if (!handoff->memory_top || !(handoff->entry || handoff->firmware_size)) {
        error_setg(errp, "boot handoff: %s: needs a 'ram' and an 'entry' or a"
                   " 'firmware' line", path);
        return false;
    }
    return true;
}
