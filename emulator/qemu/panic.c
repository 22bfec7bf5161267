/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel that panics before it can reset the machine loops without end, and
 * may not have printed anything yet. The run ends some time after the entry
 * into panic(); the report has the kernel's messages from the printk ring.
 */
#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "cpu.h"
#include "guest.h"
#include "panic.h"
#include "probes.h"

/* Time of the guest; a reset or a crash kernel follows within a tenth of it. */
#define GRACE_NS (2 * NANOSECONDS_PER_SECOND)

static bool armed;
static bool begun;
static QEMUTimer *overdue;

static void end(void *opaque)
{
    emulated_guest_end(opaque, "panic", "the guest panicked and did not reset"
                       " the machine", 0, 0);
}

static void set_timer(CPUState *cs, run_on_cpu_data data)
{
    if (armed) {
        overdue = timer_new_ns(QEMU_CLOCK_VIRTUAL, end, data.host_ptr);
        timer_mod(overdue, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + GRACE_NS);
    }
}

/* The vCPU is about to execute panic(). */
static void begin(EmulatedCpu *cpu)
{
    if (begun) {
        return;
    }
    begun = true;
    /* The time is not known in the middle of a block. */
    async_run_on_cpu(cpu->cs, set_timer, RUN_ON_CPU_HOST_PTR(cpu));
}

static void arm(uint64_t link_address, uint64_t kaslr_offset)
{
    if (!link_address) {
        return;
    }
    armed = true;
    probes_call_at(link_address + kaslr_offset, begin);
}

static void disarm(void)
{
    armed = false;
    probes_call_at(0, NULL);
    if (overdue) {
        timer_del(overdue);
    }
}

void panic_note(EmulatedGuest *guest, const struct acc_event *event)
{
    if (event->kind == EVENT_STAGE && event->detail == STAGE_KERNEL) {
        arm(guest->symbols.panic, guest->kaslr_offset[0]);
    }
    if (event->kind == EVENT_STAGE &&
        event->detail == STAGE_SECOND_DECOMPRESSOR) {
        disarm();
    }
}
