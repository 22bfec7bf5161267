/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the trace of a kernel begins (see kernel-trace.h). */
#include "qemu/osdep.h"
#include "cpu.h"
#include "guest.h"
#include "kernel-trace.h"

static void put_range(EmulatedGuest *guest, enum event_kind kind,
                      uint64_t start, uint64_t size)
{
    guest_event(guest, NULL, (struct acc_event) {
        .kind = kind,
        .gpa = start,
        .size = size,
        .carry = EVENT_NO_CARRY,
    }, 0);
}

static void put_ranges(EmulatedGuest *guest, enum handoff_range_kind of,
                       enum event_kind kind)
{
    const Handoff *handoff = &guest->handoff;
    unsigned i;

    for (i = 0; i < handoff->count; i++) {
        const HandoffRange *range = &handoff->ranges[i];

        if (range->kind == of) {
            put_range(guest, kind, range->start, range->size);
        }
    }
}

void kernel_trace_handoff(EmulatedGuest *guest)
{
    put_ranges(guest, RANGE_RAM, EVENT_RAM);
    put_ranges(guest, RANGE_ACCEPTED, EVENT_LAUNCH);
}

/* What is accepted, and what is assigned only; the rest is the host's. */
static void put_page_states(EmulatedGuest *guest)
{
    EmulatedGuestClass *gc = EMULATED_GUEST_GET_CLASS(guest);
    uint64_t cursor = 0;
    struct page_run run;

    while (gc->next_run(guest, &cursor, &run)) {
        if (run.state != PAGE_HOST) {
            put_range(guest, run.state == PAGE_ACCEPTED ? EVENT_LAUNCH
                                                        : EVENT_ASSIGN,
                      run.start, run.size);
        }
    }
}

void kernel_trace_without_kernel(EmulatedGuest *guest)
{
    if (!guest->kernel_events) {
        return;
    }
    event_stream_end(guest);
    guest->events = guest->kernel_events;
    guest->kernel_events = NULL;
    put_ranges(guest, RANGE_RAM, EVENT_RAM);
    put_page_states(guest);
}

void kernel_trace_begin(EmulatedGuest *guest)
{
    unsigned i;

    if (!guest->kernel_events) {
        return;
    }
    kernel_trace_without_kernel(guest);
    guest_event(guest, NULL, (struct acc_event) {
        .kind = EVENT_STAGE,
        .detail = STAGE_DECOMPRESSOR,
        .carry = EVENT_NO_CARRY,
    }, 0);
    guest->stage = STAGE_DECOMPRESSOR;
    guest->stage_clock[STAGE_DECOMPRESSOR] = guest_clock();
    for (i = 1; i < guest->cpus; i++) {
        guest->cpu[i].waiting = true;
    }
}
