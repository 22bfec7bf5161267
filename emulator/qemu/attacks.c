/* SPDX-License-Identifier: GPL-2.0-only */
/* Injected acts of a hostile host (see attacks.h). */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "cpu.h"
#include "guest.h"
#include "attacks.h"
#include "model/attack.h"

#define WHEN_ACCEPTED (-1)

typedef struct Act {
    int when;               /* enum stage, or WHEN_ACCEPTED */
    enum attack attack;
    uint64_t number;
    bool due;
    bool done;
} Act;

static const char *const act_name[] = {
    [ATTACK_REMAP] = "remap",
    [ATTACK_REMAP_BACK] = "remap-back",
    [ATTACK_REASSIGN] = "reassign",
    [ATTACK_UNASSIGN] = "unassign",
    [ATTACK_REMOVE_AUG] = "remove-aug",
    [ATTACK_REMOVE] = "remove",
    [ATTACK_BLOCK] = "block",
    [ATTACK_BUSY] = "busy",
    [ATTACK_RETRY] = "retry",
    [ATTACK_PSC_ERROR] = "psc-error",
    [ATTACK_PSC_REWIND] = "psc-rewind",
    [ATTACK_KEEP] = "keep",
};

static Act *acts;
static unsigned count;

static bool read_when(Act *act, const char *word)
{
    int stage;

    act->when = WHEN_ACCEPTED;
    if (g_str_equal(word, "accepted")) {
        return true;
    }
    for (stage = STAGE_DECOMPRESSOR; stage <= STAGE_SECOND_USERSPACE;
         stage++) {
        if (g_str_equal(word, emulated_guest_stage_name(stage))) {
            act->when = stage;
            return true;
        }
    }
    return false;
}

static bool read_act(Act *act, const char *word)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(act_name); i++) {
        if (act_name[i] && g_str_equal(word, act_name[i])) {
            act->attack = i;
            return true;
        }
    }
    return false;
}

static bool read_line(const char *line)
{
    g_auto(GStrv) word = g_strsplit(line, " ", -1);
    Act act = { };

    if (g_strv_length(word) != 3 || !read_when(&act, word[0]) ||
        !read_act(&act, word[1]) ||
        qemu_strtou64(word[2], NULL, 0, &act.number)) {
        return false;
    }
    acts = g_renew(Act, acts, count + 1);
    acts[count++] = act;
    return true;
}

bool attacks_read(const char *path, Error **errp)
{
    g_autofree char *content = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned i;

    if (!g_file_get_contents(path, &content, NULL, &error)) {
        error_setg(errp, "attacks: %s", error->message);
        return false;
    }
    lines = g_strsplit(content, "\n", -1);
    for (i = 0; lines[i]; i++) {
        if (*g_strstrip(lines[i]) && !read_line(lines[i])) {
            error_setg(errp, "attacks: %s:%u: cannot use '%s' (WHEN ACT"
                       " NUMBER)", path, i + 1, lines[i]);
            return false;
        }
    }
    return true;
}

static bool is_moment(const Act *act, const struct acc_event *event)
{
    if (act->when == WHEN_ACCEPTED) {
        return event->kind == EVENT_ACCEPT && !event->result &&
               event->carry != 1 && act->number >= event->gpa &&
               act->number - event->gpa < event->size;
    }
    return event->kind == EVENT_STAGE && event->detail == (uint64_t)act->when;
}

void attacks_note(const struct acc_event *event)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (!acts[i].done && is_moment(&acts[i], event)) {
            acts[i].due = true;
        }
    }
}

void attacks_commit(EmulatedGuest *guest)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (acts[i].due) {
            acts[i].due = false;
            acts[i].done = true;    /* first: the act has events of its own */
            EMULATED_GUEST_GET_CLASS(guest)->attack(guest, acts[i].attack,
                                                    acts[i].number);
        }
    }
}
