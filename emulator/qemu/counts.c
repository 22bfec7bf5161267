/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often the guest executed certain functions. A function's first
 * instruction is found while code is translated, as with a probe, and each
 * execution adds one: no event, no stack, no lock.
 */
#include "qemu/osdep.h"
#include "counts.h"
#include "names.h"
#include "state.h"

#define STAGES (STAGE_SECOND_USERSPACE + 1)

typedef struct Count {
    char *name;
    uint64_t linked;
    uint64_t executed[STAGES];
} Count;

static GArray *counted;         /* of Count, by address once the guest runs */
static bool second_too = true;
static bool counting;
static uint64_t offset;

void counts_add(const char *name, uint64_t linked)
{
    Count count = { g_strdup(name), linked };

    if (!counted) {
        counted = g_array_new(false, true, sizeof(Count));
    }
    g_array_append_val(counted, count);
}

void counts_set_kernels(bool second)
{
    second_too = second;
}

static gint by_address(gconstpointer a, gconstpointer b)
{
    const Count *one = a, *other = b;

    return one->linked < other->linked ? -1 : one->linked > other->linked;
}

bool counts_begin(bool second, uint64_t kaslr_offset)
{
    if (!counted || (second && !second_too)) {
        return false;
    }
    g_array_sort(counted, by_address);
    offset = kaslr_offset;
    qatomic_set(&counting, true);
    return true;
}

void counts_end(void)
{
    qatomic_set(&counting, false);
}

/* The first of those at a run address or above it */
static unsigned first_from(uint64_t linked)
{
    unsigned low = 0, high = counted->len;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (g_array_index(counted, Count, middle).linked < linked) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static Count *at(unsigned i, uint64_t linked)
{
    Count *count;

    if (i == counted->len) {
        return NULL;
    }
    count = &g_array_index(counted, Count, i);
    return count->linked == linked ? count : NULL;
}

bool counts_at(uint64_t pc)
{
    return qatomic_read(&counting) && at(first_from(pc - offset), pc - offset);
}

bool counts_executed(uint64_t pc, enum stage stage)
{
    uint64_t linked = pc - offset;
    Count *count;
    unsigned first, i;

    if (!qatomic_read(&counting)) {
        return false;
    }
    first = first_from(linked);
    for (i = first; (count = at(i, linked)); i++) {
        qatomic_inc(&count->executed[stage]);
    }
    return i > first;
}

static QDict *by_stage(const Count *count)
{
    QDict *dict = qdict_new();
    unsigned i;

    for (i = 0; i < STAGES; i++) {
        if (count->executed[i]) {
            qdict_put_int(dict, stage_name(i), count->executed[i]);
        }
    }
    return dict;
}

QList *counts_report(void)
{
    QList *list;
    unsigned i;

    if (!counted) {
        return NULL;
    }
    list = qlist_new();
    for (i = 0; i < counted->len; i++) {
        const Count *count = &g_array_index(counted, Count, i);
        QDict *dict = qdict_new();

        qdict_put_str(dict, "name", count->name);
        qdict_put(dict, "executed", by_stage(count));
        qlist_append(list, dict);
    }
    return list;
}

void counts_state(StateStream *state)
{
    unsigned functions = counted ? counted->len : 0, i;

    STATE_FIELD(state, functions);
    if (functions != (counted ? counted->len : 0)) {
        state_refuse(state, "it counts other functions");
        return;
    }
    if (counted) {      /* one order, whether or not they were counted yet */
        g_array_sort(counted, by_address);
    }
    for (i = 0; i < functions; i++) {
        STATE_FIELD(state, g_array_index(counted, Count, i).executed);
    }
}
