/* SPDX-License-Identifier: GPL-2.0-only */
/* Reader of the kernel's symbols: one `keyword START END` per line. */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "symbols.h"

static void add(CodeRanges *ranges, uint64_t start, uint64_t end)
{
    ranges->range = g_realloc_n(ranges->range, ranges->count + 1,
                                sizeof(*ranges->range));
    ranges->range[ranges->count].start = start;
    ranges->range[ranges->count++].end = end;
}

static bool is_second(const char *word)
{
    return g_str_has_prefix(word, "second-");
}

static bool is_watched(const char *word, const char *function)
{
    return g_str_equal(word + (is_second(word) ? strlen("second-") : 0),
                       function);
}

static bool read_line(KernelSymbols *symbols, const char *line)
{
    g_auto(GStrv) word = g_strsplit(line, " ", -1);
    uint64_t start, end;

    if (g_strv_length(word) != 3 ||
        qemu_strtou64(word[1], NULL, 0, &start) ||
        qemu_strtou64(word[2], NULL, 0, &end)) {
        return false;
    }
    if (g_str_equal(word[0], "text")) {
        add(&symbols->text, start, end);
        return true;
    }
    if (g_str_equal(word[0], "exit")) {
        add(&symbols->exits, start, end);
        return true;
    }
    if (g_str_has_suffix(word[0], "panic")) {
        symbols->panic[is_second(word[0])] = start;
        return is_watched(word[0], "panic");
    }
    if (g_str_has_suffix(word[0], "oops")) {
        symbols->oops[is_second(word[0])] = start;
        return is_watched(word[0], "oops");
    }
    add(&symbols->skip, start, end);
    return g_str_equal(word[0], "skip");
}

bool symbols_read(KernelSymbols *symbols, const char *path, Error **errp)
{
    g_autofree char *content = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned i;

    if (!g_file_get_contents(path, &content, NULL, &error)) {
        error_setg(errp, "skip-list: %s", error->message);
        return false;
    }
    lines = g_strsplit(content, "\n", -1);
    for (i = 0; lines[i]; i++) {
        if (*g_strstrip(lines[i]) && !read_line(symbols, lines[i])) {
            error_setg(errp, "skip-list: %s:%u: cannot use '%s'", path, i + 1,
                       lines[i]);
            return false;
        }
    }
    return true;
}

bool code_ranges_have(const CodeRanges *ranges, uint64_t address)
{
    unsigned i;

    for (i = 0; i < ranges->count; i++) {
        if (address >= ranges->range[i].start &&
            address < ranges->range[i].end) {
            return true;
        }
    }
    return false;
}
