/* SPDX-License-Identifier: GPL-2.0-only */
/* Halts the guest at a chosen moment of its run (see halt.h). */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "hw/core/cpu.h"
#include "exec/exec-all.h"
#include "../../../accel/tcg/tcg-accel-ops-rr.h"
#include "halt.h"
#include "probes.h"

#define PAUSED "paused"
/* Between two looks at whether the main loop has stopped the machine */
#define LOOK_AGAIN_US 100

enum moment { MOMENT_EVENT, MOMENT_CLOCK, MOMENT_CALL };

static const char *const moment_names[] = {
    [MOMENT_EVENT] = "event", [MOMENT_CLOCK] = "clock", [MOMENT_CALL] = "call",
};

static struct {
    bool wanted;            /* and the moment has not come */
    bool pause;
    bool paused;
    enum moment moment;
    uint64_t number;
    EmulatedCpu *cpu;       /* that was running */
    hwaddr gpa;             /* of the event */
    const RRSchedule *order;    /* of vCPUs' turns, but for the halt */
} halt;

/*
 * A vCPU is between two instructions, and no other runs. Until the main loop
 * has stopped the machine no vCPU may run on, nor may all be idle: the guest's
 * clock would leap to the next timer.
 */
static void pause_machine(CPUState *cs, run_on_cpu_data unused)
{
    if (!halt.paused) {
        halt.paused = true;
        qemu_mutex_lock(&halt.cpu->guest->lock);
        emulated_guest_report_so_far(halt.cpu, PAUSED,
                                     "a debugger may continue", halt.gpa);
        qemu_mutex_unlock(&halt.cpu->guest->lock);
        qemu_system_debug_request();
    }
    if (runstate_is_running()) {
        g_usleep(LOOK_AGAIN_US);
        async_safe_run_on_cpu(cs, pause_machine, RUN_ON_CPU_NULL);
    }
}

/* The moment has come. Caller holds guest->lock. */
static void reached(EmulatedCpu *cpu, hwaddr gpa, uintptr_t retaddr)
{
    halt.wanted = false;
    if (!halt.pause) {
        emulated_guest_end_locked(cpu, PAUSED, "the moment has come", gpa,
                                  retaddr);
    }
    halt.cpu = cpu;
    halt.gpa = gpa;
    async_safe_run_on_cpu(cpu->cs, pause_machine, RUN_ON_CPU_NULL);
}

void halt_recorded(EmulatedGuest *guest, EmulatedCpu *cpu,
                   const struct acc_event *event, uintptr_t retaddr)
{
    if (halt.wanted && halt.moment == MOMENT_EVENT && !guest->reported &&
        event->seq == halt.number) {
        reached(cpu ?: emulated_cpu_running(guest), event->gpa,
                cpu ? retaddr : 0);
    }
}

/* A vCPU is about to execute the function's first instruction. */
static void called(EmulatedCpu *cpu, uintptr_t retaddr)
{
    probes_call_at(WATCH_HALT, 0, NULL);
    qemu_mutex_lock(&cpu->guest->lock);
    reached(cpu, 0, retaddr);
    qemu_mutex_unlock(&cpu->guest->lock);
    cpu->cs->exception_index = -1;
    cpu_loop_exit_restore(cpu->cs, retaddr);
}

void halt_note(EmulatedGuest *guest, const struct acc_event *event)
{
    if (halt.wanted && halt.moment == MOMENT_CALL &&
        event->kind == EVENT_STAGE && event->detail == STAGE_KERNEL) {
        probes_call_at(WATCH_HALT, halt.number + guest->kaslr_offset[0],
                       called);
    }
}

static int64_t budget_to_halt(CPUState *cpu, int64_t budget)
{
    int64_t left = halt.number - guest_clock();

    if (halt.order) {
        budget = halt.order->budget(cpu, budget);
    }
    return halt.wanted && left > 0 ? MIN(budget, left) : budget;
}

static CPUState *next_unless_halted(CPUState *cpu)
{
    EmulatedGuest *guest = emulated_guest_of_machine();

    if (halt.wanted && guest_clock() >= halt.number) {
        qemu_mutex_lock(&guest->lock);
        reached(cpu_env(cpu)->confidential, 0, 0);
        qemu_mutex_unlock(&guest->lock);
    }
    return halt.order ? halt.order->next(cpu) : NULL;
}

static const RRSchedule until_halt = {
    .budget = budget_to_halt,
    .next = next_unless_halted,
};

static bool parse(const char *text, Error **errp)
{
    g_auto(GStrv) word = g_strsplit(text, ":", 2);
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(moment_names); i++) {
        if (word[0] && word[1] && g_str_equal(word[0], moment_names[i]) &&
            !qemu_strtou64(word[1], NULL, 0, &halt.number)) {
            halt.moment = i;
            return true;
        }
    }
    error_setg(errp, "halt-at is event:SEQ, clock:INSTRUCTIONS or"
               " call:ADDRESS, not '%s'", text);
    return false;
}

bool halt_set(const char *text, bool pause, Error **errp)
{
    if (!parse(text, errp)) {
        return false;
    }
    halt.wanted = true;
    halt.pause = pause;
    if (halt.moment == MOMENT_CLOCK) {
        halt.order = rr_schedule;
        rr_schedule = &until_halt;
    }
    return true;
}
