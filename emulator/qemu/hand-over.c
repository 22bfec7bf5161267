/* SPDX-License-Identifier: GPL-2.0-only */
/* Reader of the hand-over file: one `keyword NUMBER [NUMBER]` per line. */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "hand-over.h"

static const char *const range_keyword[] = {
    [RANGE_RAM] = "ram",
    [RANGE_ACCEPTED] = "accepted",
    [RANGE_SHARED] = "shared",
};

/* Addresses that stand alone on their line, by keyword. */
static const struct {
    const char *keyword;
    size_t offset;
} address_keyword[] = {
    { "unaccepted-table", offsetof(HandOver, unaccepted_table) },
    { "cpuid-page", offsetof(HandOver, cpuid_page) },
    { "secrets-page", offsetof(HandOver, secrets_page) },
    { "entry", offsetof(HandOver, entry) },
    { "boot-params", offsetof(HandOver, boot_params) },
    { "page-table", offsetof(HandOver, page_table) },
    { "stack", offsetof(HandOver, stack) },
    { "ap-entry", offsetof(HandOver, ap_entry) },
};

static bool add_range(HandOver *hand_over, enum hand_over_range_kind kind,
                      uint64_t start, uint64_t size)
{
    if ((start | size) & (4 * KiB - 1) || !size || start + size < start) {
        return false;
    }
    hand_over->ranges = g_renew(HandOverRange, hand_over->ranges,
                                hand_over->count + 1);
    hand_over->ranges[hand_over->count++] =
        (HandOverRange) { kind, start, size };
    if (kind == RANGE_RAM) {
        hand_over->memory_top = MAX(hand_over->memory_top, start + size);
    }
    return true;
}

static bool read_line(HandOver *hand_over, char **word)
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
            return words == 3 && add_range(hand_over, i, number[0], number[1]);
        }
    }
    for (i = 0; i < ARRAY_SIZE(address_keyword); i++) {
        if (g_str_equal(word[0], address_keyword[i].keyword)) {
            *(uint64_t *)((char *)hand_over + address_keyword[i].offset) =
                number[0];
            return words == 2;
        }
    }
    if (g_str_equal(word[0], "gdt")) {
        hand_over->gdt = number[0];
        hand_over->gdt_size = number[1];
        return words == 3;
    }
    return false;
}

bool hand_over_read(HandOver *hand_over, const char *path, Error **errp)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned i;

    if (!g_file_get_contents(path, &text, NULL, &error)) {
        error_setg(errp, "hand-over: %s", error->message);
        return false;
    }
    lines = g_strsplit(text, "\n", -1);
    for (i = 0; lines[i]; i++) {
        g_auto(GStrv) word = NULL;

        if (!*g_strstrip(lines[i]) || lines[i][0] == '#') {
            continue;
        }
        word = g_strsplit(lines[i], " ", -1);
        if (!read_line(hand_over, word)) {
            error_setg(errp, "hand-over: %s:%u: cannot use '%s'", path, i + 1,
                       lines[i]);
            return false;
        }
    }
    if (!hand_over->memory_top || !hand_over->entry) {
        error_setg(errp, "hand-over: %s: needs a 'ram' and an 'entry' line",
                   path);
        return false;
    }
    return true;
}
