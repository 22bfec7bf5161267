/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of event kinds and stages (see names.h). */
#include "qemu/osdep.h"
#include "names.h"

static const char *const kind_names[] = {
#define KIND_NAME(number, KIND, name) [EVENT_##KIND] = #name,
    EVENT_KINDS(KIND_NAME)
#undef KIND_NAME
};

static const char *const stage_names[] = {
    [STAGE_FIRMWARE] = "firmware",
    [STAGE_DECOMPRESSOR] = "decompressor",
    [STAGE_KERNEL] = "kernel",
    [STAGE_USERSPACE] = "userspace",
    [STAGE_SECOND_DECOMPRESSOR] = "second-decompressor",
    [STAGE_SECOND_KERNEL] = "second-kernel",
    [STAGE_SECOND_USERSPACE] = "second-userspace",
};

char *event_kind_name(uint8_t kind)
{
    if (kind >= ARRAY_SIZE(kind_names) || !kind_names[kind]) {
        return g_strdup("?");
    }
    return g_strdelimit(g_strdup(kind_names[kind]), "_", '-');
}

const char *stage_name(enum stage stage)
{
    return stage_names[stage];
}
