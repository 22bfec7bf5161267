/* SPDX-License-Identifier: GPL-2.0-only */
/* Injected malicious host actions (see attacks.h). */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "cpu.h"
#include "compat.h"
#include "guest.h"
#include "attacks.h"
#include "names.h"
#include "model/attack.h"
#include "state.h"

#define WHEN_ACCEPTED (-1)

typedef struct Act {
    int when;               /* enum stage, or WHEN_ACCEPTED */
    enum attack attack;
    uint64_t number;
    char *text;             /* as the attacks file has it */
    bool due;
    bool done;              /* its moment came */
    bool counting;          /* on calls: how many it disturbed is not final */
    uint64_t took_place;    /* times */
} Act;

static const struct {
    const char *name;
    const char *platform;
    bool on_calls;          /* NUMBER is a count of calls, not an address */
} known[] = {
    [ATTACK_REMAP] = { "remap", "snp" },
    [ATTACK_REMAP_BACK] = { "remap-back", "snp" },
    [ATTACK_REASSIGN] = { "reassign", "snp" },
    [ATTACK_UNASSIGN] = { "unassign", "snp" },
    [ATTACK_REMOVE_AUG] = { "remove-aug", "tdx" },
    [ATTACK_REMOVE] = { "remove", "tdx" },
    [ATTACK_BLOCK] = { "block", "tdx" },
    [ATTACK_BUSY] = { "busy", "tdx", true },
    [ATTACK_RETRY] = { "retry", "tdx", true },
    [ATTACK_PSC_ERROR] = { "psc-error", "snp", true },
    [ATTACK_PSC_REWIND] = { "psc-rewind", "snp", true },
    [ATTACK_KEEP] = { "keep", "tdx" },
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
        if (g_str_equal(word, stage_name(stage))) {
            act->when = stage;
            return true;
        }
    }
    return false;
}

static bool read_act(Act *act, const char *word, const char *platform)
{
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(known); i++) {
        if (known[i].name && g_str_equal(word, known[i].name) &&
            g_str_equal(platform, known[i].platform)) {
            act->attack = i;
            return true;
        }
    }
    return false;
}

static bool read_line(const char *line, const char *platform)
{
    g_auto(GStrv) word = g_strsplit(line, " ", -1);
    Act act = { };

    if (g_strv_length(word) != 3 || !read_when(&act, word[0]) ||
        !read_act(&act, word[1], platform) ||
        qemu_strtou64(word[2], NULL, 0, &act.number)) {
        return false;
    }
    act.text = g_strdup(line);
    acts = g_renew(Act, acts, count + 1);
    acts[count++] = act;
    return true;
}

bool attacks_read(const char *path, const char *platform, Error **errp)
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
        if (*g_strstrip(lines[i]) && !read_line(lines[i], platform)) {
            error_setg(errp, "attacks: %s:%u: cannot use '%s' (WHEN ACT"
                       " NUMBER, an act of %s)", path, i + 1, lines[i],
                       platform);
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

static bool is_moment_of(const void *act, const struct acc_event *event)
{
    return is_moment(act, event);
}

/* KEEP takes place when the host would have removed the page, once. */
static bool is_later_deed(const Act *act, const struct acc_event *event)
{
    return act->attack == ATTACK_KEEP && event->kind == EVENT_ATTACK &&
           event->detail == ATTACK_KEEP &&
           !((event->gpa ^ act->number) & TARGET_PAGE_MASK);
}

void attacks_note(EmulatedGuest *guest, const struct acc_event *event)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (!acts[i].done && is_moment(&acts[i], event)) {
            acts[i].due = true;
        }
        if (acts[i].done && is_later_deed(&acts[i], event)) {
            acts[i].took_place++;
        }
    }
}

/* How many calls the acts of a kind have disturbed until now. */
static void take_count(EmulatedGuest *guest, enum attack attack)
{
    EmulatedGuestClass *gc = EMULATED_GUEST_GET_CLASS(guest);
    unsigned i;

    for (i = 0; i < count; i++) {
        if (acts[i].counting && acts[i].attack == attack) {
            acts[i].took_place = (uint32_t)acts[i].number -
                                 gc->attack_left(guest, attack);
        }
    }
}

static void commit(EmulatedGuest *guest, Act *act)
{
    EmulatedGuestClass *gc = EMULATED_GUEST_GET_CLASS(guest);
    bool on_calls = known[act->attack].on_calls;
    unsigned i;
    bool ok;

    if (on_calls) {     /* it takes the place of an earlier one of its kind */
        take_count(guest, act->attack);
        for (i = 0; i < count; i++) {
            acts[i].counting &= acts[i].attack != act->attack;
        }
    }
    act->due = false;
    act->done = true;       /* first: the act has events of its own */
    ok = gc->attack(guest, act->attack, act->number);
    act->counting = ok && on_calls;
    if (ok && !on_calls && act->attack != ATTACK_KEEP) {
        act->took_place++;
    }
}

void attacks_commit(EmulatedGuest *guest)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (acts[i].due) {
            commit(guest, &acts[i]);
        }
    }
}

QList *attacks_report(EmulatedGuest *guest)
{
    QList *list = qlist_new();
    unsigned i;

    for (i = 0; i < count; i++) {
        QDict *dict = qdict_new();

        take_count(guest, acts[i].attack);
        qdict_put_str(dict, "text", acts[i].text);
        qdict_put_int(dict, "took_place", acts[i].took_place);
        qlist_append(list, dict);
    }
    return list;
}

/* ---- saving and loading ------------------------------------------------------ */

static void act_state(StateStream *state, Act *act)
{
    STATE_FIELD(state, act->due);
    STATE_FIELD(state, act->done);
    STATE_FIELD(state, act->counting);
    STATE_FIELD(state, act->took_place);
}

static void load_act(StateStream *state, bool *loaded)
{
    g_autofree char *text = NULL;
    Act unknown;
    unsigned i;

    state_text(state, &text);
    for (i = 0; i < count; i++) {
        if (!loaded[i] && !g_strcmp0(acts[i].text, text)) {
            loaded[i] = true;
            act_state(state, &acts[i]);
            return;
        }
    }
    act_state(state, &unknown);
    state_refuse(state, "this guest is to be attacked by '%s', too", text);
}

/* Acts that the saved guest was not to meet: their moments have to come yet. */
static void check_new(EmulatedGuest *guest, StateStream *state,
                      const bool *loaded)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        if (!loaded[i] && event_stream_any(guest->events, is_moment_of,
                                           &acts[i])) {
            state_refuse(state, "the moment of '%s' is over", acts[i].text);
        }
    }
}

void attacks_state(EmulatedGuest *guest, StateStream *state)
{
    g_autofree bool *loaded = g_new0(bool, count + 1);
    unsigned saved = count, i;

    STATE_FIELD(state, saved);
    for (i = 0; i < saved && !state_refused(state); i++) {
        if (state_loads(state)) {
            load_act(state, loaded);
        } else {
            state_text(state, &acts[i].text);
            act_state(state, &acts[i]);
        }
    }
    if (state_loads(state)) {
        check_new(guest, state, loaded);
    }
}
