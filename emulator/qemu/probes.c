/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of guest functions as events. A probed address is found while code is
 * translated, so code without probes costs nothing. A function's return is
 * caught where it returns to: the address is read off the stack on entry, and
 * the call is recognised by its stack pointer, whatever vCPU it ends on. A
 * probe may be for calls with one certain first argument only: a lock is taken
 * a million times in a boot, a certain lock a few hundred times.
 */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "exec/helper-proto.h"
#include "counts.h"
#include "guest.h"
#include "probes.h"
#include "state.h"

#define PROBES_MAX 256

typedef struct Call {
    unsigned probe;
    uint64_t returns_to;
    EmulatedCpu *cpu;
    uint64_t executed;      /* by that vCPU, before */
} Call;

bool emulated_guest_has_probes;

typedef struct Probe {
    uint64_t linked;        /* link address */
    uint64_t address;       /* run address, once armed */
    bool filtered;
    uint64_t linked_argument;
    uint64_t argument;      /* where filtered: what RDI must be */
    bool in[2];             /* in the first kernel, in a second one */
    bool armed;
} Probe;

static Probe watched[PROBES_MAX];
static unsigned probes;
static bool armed;
static int watched_kernel = -1;  /* 0, or 1: a second one; -1: none yet, or no more */
static struct {
    uint64_t at;
    void (*callback)(EmulatedCpu *cpu, uintptr_t retaddr);
} reached[WATCHES];
static GHashTable *return_sites;        /* run addresses that calls return to */
static GHashTable *calls;               /* stack pointer after return -> Call */

/* NAME ADDRESS [FIRST-ARGUMENT] */
static bool read_line(char **word, Probe *probe)
{
    unsigned words = g_strv_length(word);

    *probe = (Probe) { .filtered = words == 3, .in = { true, true } };
    return (words == 2 || words == 3) &&
           !qemu_strtou64(word[1], NULL, 0, &probe->linked) &&
           (words == 2 ||
            !qemu_strtou64(word[2], NULL, 0, &probe->linked_argument));
}

/* The lines before this one are of the first kernel alone, those behind it of
 * a second one that is another. */
static bool begins_second(const char *line, unsigned *second)
{
    unsigned i;

    if (strcmp(line, "second")) {
        return false;
    }
    for (i = 0; i < probes; i++) {
        watched[i].in[1] = false;
    }
    *second = 1;
    counts_set_kernels(false);
    return true;
}

/* NAME ADDRESS, behind the line `count` */
static bool read_count(char **word)
{
    uint64_t linked;

    if (g_strv_length(word) != 2 || qemu_strtou64(word[1], NULL, 0, &linked)) {
        return false;
    }
    counts_add(word[0], linked);
    return true;
}

bool probes_read(const char *path, Error **errp)
{
    g_autofree char *content = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;
    bool counts = false;
    unsigned i, second = 0;

    if (!g_file_get_contents(path, &content, NULL, &error)) {
        error_setg(errp, "probes: %s", error->message);
        return false;
    }
    lines = g_strsplit(content, "\n", -1);
    for (i = 0; lines[i]; i++) {
        g_auto(GStrv) word = g_strsplit(g_strstrip(lines[i]), " ", -1);

        if (!*lines[i] || begins_second(lines[i], &second)) {
            continue;
        }
        if (!strcmp(lines[i], "count")) {
            counts = true;
            continue;
        }
        if (counts && read_count(word)) {
            continue;
        }
        if (counts || probes == PROBES_MAX ||
            !read_line(word, &watched[probes])) {
            error_setg(errp, "probes: %s:%u: cannot use '%s' (at most %u"
                       " lines NAME ADDRESS [FIRST-ARGUMENT])", path, i + 1,
                       lines[i], PROBES_MAX);
            return false;
        }
        watched[probes++].in[0] = !second;
    }
    return_sites = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
                                         NULL);
    calls = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    return true;
}

static void flush_code(CPUState *cs, run_on_cpu_data unused)
{
    tb_flush(cs);
}

static void arm(unsigned kernel, uint64_t kaslr_offset)
{
    unsigned i;

    watched_kernel = kernel;
    for (i = 0; i < probes; i++) {
        watched[i].armed = watched[i].in[kernel];
        watched[i].address = watched[i].linked + kaslr_offset;
        watched[i].argument = watched[i].linked_argument + kaslr_offset;
        armed |= watched[i].armed;
    }
    emulated_guest_has_probes |= counts_begin(kernel, kaslr_offset) || armed;
}

static void disarm(void)
{
    unsigned i;

    watched_kernel = -1;
    emulated_guest_has_probes = false;
    counts_end();
    if (!armed) {
        return;
    }
    armed = false;
    for (i = 0; i < probes; i++) {
        watched[i].armed = false;
    }
    g_hash_table_remove_all(return_sites);
    g_hash_table_remove_all(calls);
}

void probes_note(EmulatedGuest *guest, const struct acc_event *event)
{
    if (event->kind != EVENT_STAGE) {
        return;
    }
    switch (event->detail) {
    case STAGE_KERNEL:
        arm(0, guest->kaslr_offset[0]);
        break;
    case STAGE_SECOND_DECOMPRESSOR:
        disarm();
        break;
    case STAGE_SECOND_KERNEL:
        arm(1, guest->kaslr_offset[1]);
        /* Translations go by physical address: the page may have had code that
         * was not watched, by a probe or for panic(). */
        async_safe_run_on_cpu(current_cpu, flush_code, RUN_ON_CPU_NULL);
        break;
    }
}

void probes_call_at(enum Watch watch, uint64_t pc,
                    void (*callback)(EmulatedCpu *cpu, uintptr_t retaddr))
{
    reached[watch].at = pc;
    qatomic_set(&reached[watch].callback, callback);
    emulated_guest_has_probes |= callback != NULL;
}

/* What is to be called when a vCPU is about to execute pc, or NULL */
static void (*callback_at(uint64_t pc))(EmulatedCpu *cpu, uintptr_t retaddr)
{
    unsigned i;

    for (i = 0; i < WATCHES; i++) {
        /* Another vCPU may end the watch meanwhile. */
        void (*callback)(EmulatedCpu *, uintptr_t) = qatomic_read(&reached[i].callback);

        if (callback && reached[i].at == pc) {
            return callback;
        }
    }
    return NULL;
}

static bool is_watched(uint64_t pc)
{
    unsigned i;

    for (i = 0; i < probes; i++) {
        if (watched[i].armed && watched[i].address == pc) {
            return true;
        }
    }
    return false;
}

#define NOT_WATCHED -1
#define NOT_WANTED -2   /* a call with another first argument */

/* The first probe that wants this call */
static int probe_of_call(uint64_t pc, uint64_t argument)
{
    int found = NOT_WATCHED;
    unsigned i;

    for (i = 0; i < probes; i++) {
        if (watched[i].armed && watched[i].address == pc) {
            if (!watched[i].filtered || watched[i].argument == argument) {
                return i;
            }
            found = NOT_WANTED;
        }
    }
    return found;
}

bool emulated_guest_probed(uint64_t pc)
{
    EmulatedGuest *guest = emulated_guest_of_machine();
    bool found;

    if (callback_at(pc) || counts_at(pc)) {
        return true;
    }
    if (!armed) {
        return false;
    }
    qemu_mutex_lock(&guest->lock);
    found = is_watched(pc) || g_hash_table_contains(return_sites, &pc);
    qemu_mutex_unlock(&guest->lock);
    return found;
}

static void enter(EmulatedCpu *cpu, unsigned probe, uint64_t returns_to)
{
    CPUX86State *env = cpu_env(cpu->cs);
    uint64_t rsp_after = env->regs[R_ESP] + 8;
    Call *call = g_new(Call, 1);

    guest_event(cpu->guest, cpu, (struct acc_event) {
        .kind = EVENT_PROBE_ENTER,
        .gpa = env->regs[R_EDI],
        .size = env->regs[R_ESI],
        .detail = probe,
        .carry = EVENT_NO_CARRY,
    }, 0);
    *call = (Call) { probe, returns_to, cpu, vcpu_executed(cpu) };
    g_hash_table_replace(calls, g_memdup2(&rsp_after, 8), call);
    if (!g_hash_table_contains(return_sites, &returns_to)) {
        g_hash_table_add(return_sites, g_memdup2(&returns_to, 8));
        /* The site may be translated already. This block has to end first:
         * faults and PAUSEs later in it need what the flush drops. */
        async_safe_run_on_cpu(cpu->cs, flush_code, RUN_ON_CPU_NULL);
    }
}

static void leave(EmulatedCpu *cpu, uint64_t pc)
{
    CPUX86State *env = cpu_env(cpu->cs);
    uint64_t rsp = env->regs[R_ESP];
    Call *call = g_hash_table_lookup(calls, &rsp);

    if (!call || call->returns_to != pc) {
        return;
    }
    guest_event(cpu->guest, cpu, (struct acc_event) {
        .kind = EVENT_PROBE_RETURN,
        .size = call->cpu == cpu ? vcpu_executed(cpu) - call->executed : 0,
        .result = env->regs[R_EAX],
        .detail = call->probe,
        .carry = EVENT_NO_CARRY,
    }, 0);
    g_hash_table_remove(calls, &rsp);
}

void helper_confidential_probe(CPUX86State *env, target_ulong pc)
{
    EmulatedCpu *cpu = env->confidential;
    target_ulong eip = env->eip;
    uint64_t returns_to;
    int probe = probe_of_call(pc, env->regs[R_EDI]);
    void (*callback)(EmulatedCpu *, uintptr_t) = callback_at(pc);

    if (callback) {
        callback(cpu, GETPC());
    }
    /* Every lock of the kernel comes here, and every counted function: no call
     * returns to where a function begins, so there is nothing to look up. */
    if ((counts_executed(pc, cpu->guest->stage) && probe == NOT_WATCHED) ||
        !armed || probe == NOT_WANTED) {
        return;
    }
    qemu_mutex_lock(&cpu->guest->lock);
    env->eip = pc;      /* for the event; the block keeps its own count */
    leave(cpu, pc);
    if (probe >= 0 && emulated_cpu_peek(cpu, env->regs[R_ESP], &returns_to,
                                        sizeof(returns_to))) {
        enter(cpu, probe, le64_to_cpu(returns_to));
    }
    env->eip = eip;
    qemu_mutex_unlock(&cpu->guest->lock);
}

/* ---- saving and loading ------------------------------------------------------ */

static void save_calls(StateStream *state)
{
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, return_sites);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        state_bytes(state, key, sizeof(uint64_t));
    }
    g_hash_table_iter_init(&iter, calls);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        Call *call = value;

        state_bytes(state, key, sizeof(uint64_t));
        STATE_FIELD(state, call->probe);
        STATE_FIELD(state, call->returns_to);
        STATE_FIELD(state, call->cpu->index);
        STATE_FIELD(state, call->executed);
    }
}

static void load_call(EmulatedGuest *guest, StateStream *state)
{
    Call call = { };
    uint64_t rsp;
    uint16_t index;

    STATE_FIELD(state, rsp);
    STATE_FIELD(state, call.probe);
    STATE_FIELD(state, call.returns_to);
    STATE_FIELD(state, index);
    STATE_FIELD(state, call.executed);
    if (index >= guest->cpus) {
        state_refuse(state, "it has other vCPUs");
        return;
    }
    call.cpu = &guest->cpu[index];
    g_hash_table_replace(calls, g_memdup2(&rsp, sizeof(rsp)),
                         g_memdup2(&call, sizeof(call)));
}

static void load_calls(EmulatedGuest *guest, StateStream *state,
                       unsigned sites, unsigned running)
{
    uint64_t site;

    g_hash_table_remove_all(return_sites);
    g_hash_table_remove_all(calls);
    for (; sites && !state_refused(state); sites--) {
        STATE_FIELD(state, site);
        g_hash_table_add(return_sites, g_memdup2(&site, sizeof(site)));
    }
    for (; running && !state_refused(state); running--) {
        load_call(guest, state);
    }
}

void probes_state(EmulatedGuest *guest, StateStream *state)
{
    unsigned sites = calls ? g_hash_table_size(return_sites) : 0;
    unsigned running = calls ? g_hash_table_size(calls) : 0;

    STATE_FIELD(state, watched_kernel);
    STATE_FIELD(state, sites);
    STATE_FIELD(state, running);
    if (state_loads(state)) {
        emulated_guest_has_probes = armed = false;
        counts_end();
        if (watched_kernel == 0 || watched_kernel == 1) {
            arm(watched_kernel, guest->kaslr_offset[watched_kernel]);
        }
    }
    if (!calls) {
        if (sites || running) {
            state_refuse(state, "it has probes");
        }
    } else if (state_loads(state)) {
        load_calls(guest, state, sites, running);
    } else {
        save_calls(state);
    }
}
