/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel that panics before it can reset the machine loops without end, and
 * may not have printed anything yet. The run ends some time after the entry
 * into panic(); the report has the kernel's messages from the printk ring. It
 * ends as well when a kernel oopses again and again and does nothing else: one
 * whose report of an oops faults never comes to panic(). A crash kernel takes
 * the time that it takes, until it panics itself.
 */
#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "cpu.h"
#include "guest.h"
#include "panic.h"
#include "probes.h"
#include "state.h"

/* Time of the guest; a reset or a crash kernel follows within a tenth of it. */
#define GRACE_NS (2 * NANOSECONDS_PER_SECOND)

#define OOPSES_MAX 16

static bool armed;
static unsigned oopses;     /* since the last event */
static bool second;         /* armed for a second kernel */
static bool begun;
static enum { PANICKED, OOPSED } reason;
static unsigned by;         /* index of the vCPU that began it */
static QEMUTimer *overdue;

static const char *const reasons[] = {
    [PANICKED] = "the guest panicked and did not reset the machine",
    [OOPSED] = "the guest oopsed again and again",
};

static void end(void *opaque)
{
    emulated_guest_end(opaque, "panic", reasons[reason], 0, 0);
}

static void set_timer(CPUState *cs, run_on_cpu_data data)
{
    if (armed) {
        overdue = timer_new_ns(QEMU_CLOCK_VIRTUAL, end, data.host_ptr);
        timer_mod(overdue, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                           (oopses < OOPSES_MAX ? GRACE_NS : 0));
    }
}

static void end_soon(EmulatedCpu *cpu, unsigned why)
{
    if (begun) {
        return;
    }
    begun = true;
    reason = why;
    by = cpu->index;
    /* The time is not known in the middle of a block. */
    async_run_on_cpu(cpu->cs, set_timer, RUN_ON_CPU_HOST_PTR(cpu));
}

/* The vCPU is about to execute panic(). */
static void begin(EmulatedCpu *cpu, uintptr_t retaddr)
{
    end_soon(cpu, PANICKED);
}

/* The vCPU is about to execute oops_enter(). */
static void begin_oops(EmulatedCpu *cpu, uintptr_t retaddr)
{
    if (++oopses == OOPSES_MAX) {
        end_soon(cpu, OOPSED);
    }
}

static void arm(const EmulatedGuest *guest, bool kernel)
{
    uint64_t kaslr_offset = guest->kaslr_offset[kernel];
    uint64_t panic = guest->symbols.panic[kernel];
    uint64_t oops = guest->symbols.oops[kernel];

    second = kernel;
    if (panic) {
        armed = true;
        probes_call_at(WATCH_PANIC, panic + kaslr_offset, begin);
    }
    if (oops) {
        armed = true;
        probes_call_at(WATCH_OOPS, oops + kaslr_offset, begin_oops);
    }
}

static void unwatch(void)
{
    probes_call_at(WATCH_PANIC, 0, NULL);
    probes_call_at(WATCH_OOPS, 0, NULL);
}

static void disarm(void)
{
    armed = false;
    begun = false;
    oopses = 0;
    unwatch();
    if (overdue) {
        timer_del(overdue);
    }
}

void panic_note(EmulatedGuest *guest, const struct acc_event *event)
{
    if (!begun) {
        oopses = 0;
    }
    if (event->kind == EVENT_STAGE && event->detail == STAGE_KERNEL) {
        arm(guest, false);
    }
    if (event->kind == EVENT_STAGE &&
        event->detail == STAGE_SECOND_DECOMPRESSOR) {
        disarm();
    }
    if (event->kind == EVENT_STAGE && event->detail == STAGE_SECOND_KERNEL) {
        arm(guest, true);
    }
}

/* ---- saving and loading ------------------------------------------------------ */

static void timer_state(EmulatedGuest *guest, StateStream *state)
{
    int64_t due = overdue && timer_pending(overdue)
                  ? timer_expire_time_ns(overdue) : -1;

    STATE_FIELD(state, due);
    STATE_FIELD(state, by);
    if (!state_loads(state)) {
        return;
    }
    if (overdue) {
        timer_free(overdue);
        overdue = NULL;
    }
    if (by >= guest->cpus) {
        state_refuse(state, "it has other vCPUs");
    } else if (due >= 0) {
        overdue = timer_new_ns(QEMU_CLOCK_VIRTUAL, end, &guest->cpu[by]);
        timer_mod(overdue, due);
    }
}

void panic_state(EmulatedGuest *guest, StateStream *state)
{
    STATE_FIELD(state, armed);
    STATE_FIELD(state, second);
    STATE_FIELD(state, oopses);
    STATE_FIELD(state, begun);
    STATE_FIELD(state, reason);
    timer_state(guest, state);
    if (state_loads(state)) {
        unwatch();
        if (armed) {
            arm(guest, second);
        }
    }
}
