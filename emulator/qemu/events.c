/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events leave the emulator twice: as fixed records in a file, of which none
 * may be lost, and as QEMU trace-events (USDT probes) for an attached tracer.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "guest.h"
#include "callers.h"
#include "trace.h"

QEMU_BUILD_BUG_ON(sizeof(struct acc_event) != 72);

#define OBSERVERS_MAX 8

struct EventStream {
    FILE *file;             /* NULL: events are off */
    char *path;
    uint64_t next_seq;
    uint64_t last_clock;
    uint64_t at_start;      /* records before the guest ran */
    EventObserver *observer[OBSERVERS_MAX];
    unsigned observers;
    EventFollower *follower;
};

EventStream *event_stream_open(const char *path, Error **errp)
{
    EventStream *stream = g_new0(EventStream, 1);

    if (!path) {
        return stream;
    }
    stream->file = fopen(path, "w+b");
    if (!stream->file) {
        error_setg_errno(errp, errno, "events: cannot create %s", path);
        g_free(stream);
        return NULL;
    }
    setvbuf(stream->file, NULL, _IOFBF, 4 * MiB);
    stream->path = g_strdup(path);
    return stream;
}

void event_stream_begin(EventStream *stream)
{
    stream->at_start = stream->next_seq;
}

void event_stream_observe(EventStream *stream, EventObserver *observer)
{
    g_assert(stream->observers < OBSERVERS_MAX);
    stream->observer[stream->observers++] = observer;
}

void event_stream_follow(EventStream *stream, EventFollower *follower)
{
    stream->follower = follower;
}

/* An event that cannot be written ends the run: a trace with an event
 * gap proves nothing, and must not look as if it did. */
static G_NORETURN void lost_event(EventStream *stream)
{
    error_report("events: cannot write %s: %s; the run ends here",
                 stream->path, strerror(errno));
    _exit(1);
}

static void append(EventStream *stream, const struct acc_event *event)
{
    if (stream->file && fwrite(event, sizeof(*event), 1, stream->file) != 1) {
        lost_event(stream);
    }
}

/* What a vCPU has executed since the timers were last updated. icount_get_raw()
 * refuses in the middle of a block; blocks are charged when they are entered,
 * which is exact enough and reproducible. */
static int64_t executed_uncounted(CPUState *cs)
{
    if (!cs->running) {
        return 0;
    }
    return cs->icount_budget -
           (icount_decr_of(cs).u16.low + cs->icount_extra);
}

uint64_t guest_clock(void)
{
    if (!icount_enabled()) {
        return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
    }
    /* When the timers were last updated depends on the host, too: a kick makes
     * a vCPU update them. So count the rest wherever a vCPU runs. */
    return qatomic_read_i64(&timers_state.qemu_icount) +
           (current_cpu ? executed_uncounted(current_cpu) : 0);
}

uint64_t vcpu_executed(EmulatedCpu *cpu)
{
    if (!icount_enabled()) {
        return 0;
    }
    return cpu->cs->icount_executed + executed_uncounted(cpu->cs);
}

/* The last 64 bits of the record, as trace-events describes them */
static uint64_t tags_of(const struct acc_event *e)
{
    return e->vcpu | (uint64_t)e->kind << 16 | (uint64_t)e->stage << 24 |
           (uint64_t)e->carry << 32 | (uint64_t)e->caller_how << 40;
}

static void trace_out(const struct acc_event *e)
{
#define TRACE(number, KIND, name)                                           \
    case EVENT_##KIND:                                                      \
        trace_guest_##name(e->seq, e->clock, e->gpa, e->size, e->result,    \
                           e->rip, e->caller, e->detail, tags_of(e));       \
        break;

    switch (e->kind) {
    EVENT_KINDS(TRACE)
    }
#undef TRACE
}

/* Whether a tracer is attached to any of the trace-events */
static bool is_traced(void)
{
#define ATTACHED(number, KIND, name)                                        \
    trace_event_get_state_backends(TRACE_GUEST_##KIND) ||

    return EVENT_KINDS(ATTACHED) false;
#undef ATTACHED
}

/* Whether the kernel's EFI stub acts while firmware still owns the machine. */
static bool is_by_early_stub(const EmulatedGuest *guest, uint64_t rip)
{
    return guest->stage == STAGE_FIRMWARE && guest->kernel_entered &&
           rip - guest->kernel_image < guest->handoff.kernel_size;
}

void guest_event(EmulatedGuest *guest, EmulatedCpu *cpu,
                 struct acc_event event, uintptr_t retaddr)
{
    EventStream *stream = guest->events;
    unsigned i;

    if (guest->ended) {
        return;
    }
    for (i = 0; i < stream->observers; i++) {
        stream->observer[i](guest, &event);
    }
    if (cpu && event.kind != EVENT_FAULT) {
        cpu->same_faults = 0;
    }
    event.seq = stream->next_seq++;
    if (event.kind == EVENT_END) {
        event.detail = event.seq;
    }
    if (!stream->file && !is_traced()) {
        return;
    }
    event.clock = MAX(guest_clock(), stream->last_clock);
    stream->last_clock = event.clock;
    event.stage = guest->stage;
    if (cpu) {
        event.vcpu = cpu->index;
        event.rip = emulated_cpu_rip(cpu, retaddr);
        if (is_by_early_stub(guest, event.rip)) {
            event.stage = STAGE_DECOMPRESSOR;
        }
        event.caller = guest_caller(cpu, &event);
    }
    append(stream, &event);
    trace_out(&event);
    if (stream->follower) {
        stream->follower(guest, cpu, &event, retaddr);
    }
}

uint64_t event_stream_end(EmulatedGuest *guest)
{
    EventStream *stream = guest->events;
    struct acc_event end = {
        .kind = EVENT_END,
        .carry = EVENT_NO_CARRY,
    };

    guest_event(guest, NULL, end, 0);
    if (stream->file) {
        if (fclose(stream->file)) {
            lost_event(stream);
        }
        stream->file = NULL;
    }
    return stream->next_seq - 1;
}

/* The arguments of a call are numbers, and only look like memory. */
static bool is_on_memory(const struct acc_event *event, uint64_t gpa)
{
    return event->kind != EVENT_PROBE_ENTER &&
           event->kind != EVENT_PROBE_RETURN &&
           gpa >= event->gpa && gpa - event->gpa < event->size;
}

struct acc_event *event_stream_history(EventStream *stream, uint64_t gpa,
                                       unsigned max, unsigned *found)
{
    struct acc_event *ring = g_new0(struct acc_event, max);
    struct acc_event *ordered = g_new0(struct acc_event, max);
    struct acc_event event;
    uint64_t total = 0;
    unsigned i;

    *found = 0;
    if (stream->file && !fflush(stream->file)) {
        rewind(stream->file);
        while (fread(&event, sizeof(event), 1, stream->file) == 1) {
            if (is_on_memory(&event, gpa)) {
                ring[total++ % max] = event;
            }
        }
        fseek(stream->file, 0, SEEK_END);
        *found = MIN(total, max);
        for (i = 0; i < *found; i++) {
            ordered[i] = ring[(total - *found + i) % max];
        }
    }
    g_free(ring);
    return ordered;
}

uint64_t event_stream_next(const EventStream *stream)
{
    return stream->next_seq;
}

bool event_stream_any(EventStream *stream,
                      bool (*is_one)(const void *what,
                                     const struct acc_event *event),
                      const void *what)
{
    struct acc_event event;
    bool found = false;

    if (!stream->file || fflush(stream->file)) {
        return true;
    }
    rewind(stream->file);
    while (!found && fread(&event, sizeof(event), 1, stream->file) == 1) {
        found = is_one(what, &event);
    }
    fseek(stream->file, 0, SEEK_END);
    return found;
}

/* ---- saving and loading ------------------------------------------------------ */

static void save_records(EventStream *stream, StateStream *state)
{
    struct acc_event record;
    uint64_t seq;

    rewind(stream->file);
    for (seq = 0; seq < stream->next_seq; seq++) {
        if (fread(&record, sizeof(record), 1, stream->file) != 1) {
            lost_event(stream);
        }
        STATE_FIELD(state, record);
    }
    fseek(stream->file, 0, SEEK_END);
}

/* A saved guest began with the same records as this one, or is another. What
 * this one recorded since is no more. */
static void load_records(EventStream *stream, StateStream *state,
                         uint64_t saved)
{
    struct acc_event record, own;
    uint64_t seq;

    rewind(stream->file);
    for (seq = 0; seq < saved; seq++) {
        STATE_FIELD(state, record);
        if (seq < stream->at_start &&
            (fread(&own, sizeof(own), 1, stream->file) != 1 ||
             memcmp(&own, &record, sizeof(own)))) {
            state_refuse(state, "it began with other memory");
            return;
        }
        if (seq == stream->at_start) {
            fseek(stream->file, seq * sizeof(record), SEEK_SET);
        }
        if (seq >= stream->at_start) {
            append(stream, &record);
        }
    }
    fflush(stream->file);
    if (ftruncate(fileno(stream->file), saved * sizeof(record))) {
        lost_event(stream);
    }
    fseek(stream->file, 0, SEEK_END);
}

void events_state(EmulatedGuest *guest, StateStream *state)
{
    EventStream *stream = guest->events;
    uint64_t next_seq = stream->next_seq;
    bool on = stream->file;

    STATE_FIELD(state, on);
    STATE_FIELD(state, next_seq);
    STATE_FIELD(state, stream->last_clock);
    if (on != !!stream->file || next_seq < stream->at_start) {
        state_refuse(state, "it has no events, or this guest has none");
    } else if (on && state_loads(state)) {
        load_records(stream, state, next_seq);
    } else if (on) {
        save_records(stream, state);
    }
    stream->next_seq = next_seq;
}
