/* SPDX-License-Identifier: GPL-2.0-only */
/* What QEMU saves and loads of the emulation (see vmstate.h and state.h). */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/guest-random.h"
#include "block/block.h"
#include "hw/core/cpu.h"
#include "migration/blocker.h"
#include "migration/vmstate.h"
#include "qapi/qapi-commands-migration.h"
#include "cpu.h"
#include "compat.h"
#include "guest.h"
#include "state.h"
#include "vmstate.h"

static struct {
    EmulatedGuest *guest;
    char *world;            /* a digest of what the guest was made of */
    uint8_t *bytes;
    uint32_t size;
    unsigned resets;
    bool comes_in;          /* the machine is loaded before it runs */
    bool loaded;
} state;

/* ---- what the guest is made of --------------------------------------------- */

static void add_file(GChecksum *digest, const char *path)
{
    g_autofree char *content = NULL;
    gsize size = 0;

    if (path && g_file_get_contents(path, &content, &size, NULL)) {
        g_checksum_update(digest, (const guchar *)content, size);
    }
    g_checksum_update(digest, (const guchar *)&size, sizeof(size));
}

/* Attacks and the halt are not in it: a saved guest may meet others. */
static char *digest_of_world(EmulatedGuest *guest)
{
    GChecksum *digest = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree char *properties = g_strdup_printf(
        "%s %d %d %d %d %u %" PRIu64,
        EMULATED_GUEST_GET_CLASS(guest)->platform, guest->backing_4k,
        guest->assign_in_advance, guest->convert_in_place,
        guest->convert_implicitly, guest->cpus, first_cpu->random_seed);
    char *text;

    g_checksum_update(digest, (const guchar *)properties, strlen(properties));
    add_file(digest, guest->handoff_file);
    add_file(digest, guest->probes_file);
    add_file(digest, guest->skip_list_file);
    text = g_strdup(g_checksum_get_string(digest));
    g_checksum_free(digest);
    return text;
}

static void same_world(StateStream *stream)
{
    char *there = state.world;

    state_text(stream, &there);
    if (stream->loads) {
        if (g_strcmp0(there, state.world)) {
            state_refuse(stream, "it is of another guest: its boot handoff,"
                         " host, seed, probes or symbols differ");
        }
        g_free(there);
    }
}

/* ---- vCPUs ------------------------------------------------------------------- */

static void take_drawn(CPUState *cs, run_on_cpu_data data)
{
    *(uint64_t *)data.host_ptr = qemu_guest_random_drawn();
}

static void draw_as_many(CPUState *cs, run_on_cpu_data data)
{
    qemu_guest_random_redo(first_cpu->random_seed, data.host_ulong);
}

/* Random numbers that the vCPUs, which share one thread, have taken from it */
static void random_state(StateStream *stream)
{
    uint64_t drawn = 0;

    if (!stream->loads) {
        run_on_cpu(first_cpu, take_drawn, RUN_ON_CPU_HOST_PTR(&drawn));
    }
    STATE_FIELD(stream, drawn);
    if (stream->loads) {
        async_run_on_cpu(first_cpu, draw_as_many,
                         RUN_ON_CPU_HOST_ULONG(drawn));
    }
}

/* What is not here lasts no longer than an instruction. */
static void cpu_state(StateStream *stream, EmulatedCpu *cpu)
{
    STATE_FIELD(stream, cpu->waiting);
    STATE_FIELD(stream, cpu->host_halted);
    STATE_FIELD(stream, cpu->fault_gpa);
    STATE_FIELD(stream, cpu->fault_rip);
    STATE_FIELD(stream, cpu->same_faults);
    STATE_FIELD(stream, cpu->cs->icount_executed);
}

static void guest_fields(EmulatedGuest *guest, StateStream *stream)
{
    STATE_FIELD(stream, guest->stage);
    STATE_FIELD(stream, guest->begun);
    STATE_FIELD(stream, guest->exits);
    STATE_FIELD(stream, guest->second_kernel);
    STATE_FIELD(stream, guest->stage_clock);
    STATE_FIELD(stream, guest->kaslr_offset);
    STATE_FIELD(stream, guest->snapshots);
}

static void whole_state(EmulatedGuest *guest, StateStream *stream)
{
    unsigned i;

    same_world(stream);
    random_state(stream);
    qemu_mutex_lock(&guest->lock);
    guest_fields(guest, stream);
    for (i = 0; i < guest->cpus; i++) {
        cpu_state(stream, &guest->cpu[i]);
    }
    EMULATED_GUEST_GET_CLASS(guest)->state(guest, stream);
    events_state(guest, stream);
    table_watch_state(guest, stream);
    probes_state(guest, stream);
    counts_state(stream);
    panic_state(guest, stream);
    attacks_state(guest, stream);
    halt_state(guest, stream);
    qemu_mutex_unlock(&guest->lock);
}

/* ---- saving and loading -------------------------------------------------------- */

static int save(void *opaque)
{
    StateStream stream = { .bytes = g_byte_array_new() };

    if (state.guest->ended) {
        state_refuse(&stream, "it has ended");
    }
    whole_state(state.guest, &stream);
    if (stream.bytes->len > UINT32_MAX / 2) {
        state_refuse(&stream, "it has too many events");
    }
    state.size = stream.bytes->len;
    state.bytes = g_byte_array_free(stream.bytes, false);
    if (stream.refused) {
        error_report("the guest cannot be saved: %s", stream.refused);
        g_free(stream.refused);
        return -EINVAL;
    }
    return 0;
}

static int saved(void *opaque)
{
    g_free(state.bytes);
    state.bytes = NULL;
    return 0;
}

static int load(void *opaque, int version)
{
    StateStream stream = {
        .bytes = g_byte_array_new_take(state.bytes, state.size),
        .loads = true,
    };

    state.bytes = NULL;
    whole_state(state.guest, &stream);
    if (stream.at != stream.bytes->len) {
        state_refuse(&stream, "it has more than this emulator knows of");
    }
    g_byte_array_free(stream.bytes, true);
    if (stream.refused) {
        error_report("the saved guest cannot go on here: %s", stream.refused);
        g_free(stream.refused);
        return -EINVAL;
    }
    state.loaded = true;
    return 0;
}

static const VMStateDescription emulated_guest_state = {
    .name = "emulated-confidential-guest",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = save,
    .post_save = saved,
    .post_load = load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(size, typeof(state)),
        VMSTATE_VBUFFER_ALLOC_UINT32(bytes, typeof(state), 1, NULL, size),
        VMSTATE_END_OF_LIST()
    },
};

static bool has_slots(const Handoff *handoff)
{
    unsigned i;

    for (i = 0; i < handoff->count; i++) {
        if (handoff->ranges[i].kind == RANGE_SLOT) {
            return true;
        }
    }
    return false;
}

/* Why the machine cannot be saved; NULL: it can */
static const char *obstacle(const EmulatedGuest *guest)
{
    if (!icount_enabled()) {
        return "its instructions are not counted";
    }
    if (guest->handoff.firmware_size) {
        return "it has real firmware";
    }
    if (guest->hotplug_file || has_slots(&guest->handoff)) {
        return "memory comes and goes while it runs";
    }
    if (bdrv_next_node(NULL)) {
        return "it has a disk, whose content would not be saved";
    }
    if (guest->schedule) {
        return "its vCPUs take turns by a schedule";
    }
    return NULL;
}

/*
 * RAM that lies in a file shared with others stays there: whoever saves the
 * machine takes a copy of the file, and it is loaded by a private mapping of it,
 * without being read. No effect on other RAM.
 */
static void leave_shared_ram(void)
{
    MigrationCapabilityStatus ignore = {
        .capability = MIGRATION_CAPABILITY_X_IGNORE_SHARED,
        .state = true,
    };
    MigrationCapabilityStatusList list = { .value = &ignore };

    qmp_migrate_set_capabilities(&list, &error_fatal);
}

void state_begin(EmulatedGuest *guest)
{
    const char *why = obstacle(guest);
    static Error *blocker;

    state.guest = guest;
    state.comes_in = runstate_check(RUN_STATE_INMIGRATE);
    if (why) {
        error_setg(&blocker, "an emulated confidential guest cannot be saved"
                   " or loaded where %s", why);
        if (state.comes_in) {
            error_report_err(blocker);
            exit(1);
        }
        migrate_add_blocker(&blocker, &error_fatal);
        return;
    }
    state.world = digest_of_world(guest);
    event_stream_begin(guest->events);
    leave_shared_ram();
    vmstate_register(NULL, 0, &emulated_guest_state, &state);
}

void state_reset(void)
{
    if (state.resets++) {   /* the first is of a new machine */
        state.comes_in = true;
        state.loaded = false;
    }
}

void state_check(void)
{
    if (state.comes_in && !state.loaded) {
        error_report("the machine was loaded without the page states and"
                     " events of its confidential guest, or reset; the run ends"
                     " here");
        exit(1);
    }
}
