/* SPDX-License-Identifier: GPL-2.0-only */
/* Halts the guest at a chosen moment of its run (see halt.h). */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "hw/core/cpu.h"
#include "exec/exec-all.h"
#include "system/cpus.h"
#include "../../../accel/tcg/tcg-accel-ops-rr.h"
#include "halt.h"
#include "probes.h"
#include "state.h"

#define PAUSED "paused"
/* Between two looks at whether the main loop has stopped the machine */
#define LOOK_AGAIN_US 100

enum moment { MOMENT_EVENT, MOMENT_CLOCK, MOMENT_CALL, MOMENT_ROUND };

static const char *const moment_names[] = {
    [MOMENT_EVENT] = "event", [MOMENT_CLOCK] = "clock", [MOMENT_CALL] = "call",
    [MOMENT_ROUND] = "round",
};

static struct {
    bool wanted;            /* and the moment has not come */
    bool pause;
    bool paused;
    enum moment moment;
    uint64_t number;
    GArray *later;          /* round: the numbers behind it, uint64_t */
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

/* The numbers of round are in order: the machine pauses at each. */
static void take_next(void)
{
    halt.wanted = halt.later && halt.later->len;
    if (halt.wanted) {
        halt.number = g_array_index(halt.later, uint64_t, 0);
        g_array_remove_index(halt.later, 0);
    }
}

/* Whether each vCPU has had its turn, and none has anything else to do */
static bool is_round_over(CPUState *cpu)
{
    CPUState *one;

    CPU_FOREACH(one) {
        if (!cpu_work_list_empty(one)) {
            return false;
        }
    }
    return !CPU_NEXT(cpu);
}

/* The first vCPU is the next to run, with a turn of its full length: to stop and
 * to go on here, in this process or in another, changes nothing. */
static CPUState *next_in_round(CPUState *cpu)
{
    EmulatedGuest *guest = emulated_guest_of_machine();

    CPUState *next = halt.order->next(cpu);

    if (!next && halt.wanted && guest_clock() >= halt.number &&
        is_round_over(cpu)) {
        qemu_mutex_lock(&guest->lock);
        halt.paused = false;
        reached(cpu_env(first_cpu)->confidential, 0, 0);
        take_next();
        qemu_mutex_unlock(&guest->lock);
    }
    return next;
}

static int64_t budget_of_round(CPUState *cpu, int64_t budget)
{
    return halt.order->budget(cpu, budget);
}

static int64_t budget_to_halt(CPUState *cpu, int64_t budget)
{
    int64_t left = halt.number - guest_clock();

    budget = halt.order->budget(cpu, budget);
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
    return halt.order->next(cpu);
}

static const RRSchedule until_halt = {
    .budget = budget_to_halt,
    .next = next_unless_halted,
};

static const RRSchedule at_round = {
    .budget = budget_of_round,
    .next = next_in_round,
};

/* The numbers behind the first, of round alone */
static bool parse_later(char **word)
{
    uint64_t number, before = halt.number;

    for (; *word; word++, before = number) {
        if (halt.moment != MOMENT_ROUND ||
            qemu_strtou64(*word, NULL, 0, &number) || number <= before) {
            return false;
        }
        if (!halt.later) {
            halt.later = g_array_new(false, false, sizeof(number));
        }
        g_array_append_val(halt.later, number);
    }
    return true;
}

static bool parse(const char *text, Error **errp)
{
    g_auto(GStrv) word = g_strsplit(text, ":", 0);
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(moment_names); i++) {
        if (word[0] && word[1] && g_str_equal(word[0], moment_names[i]) &&
            !qemu_strtou64(word[1], NULL, 0, &halt.number)) {
            halt.moment = i;
            if (parse_later(word + 2)) {
                return true;
            }
        }
    }
    error_setg(errp, "halt-at is event:SEQ, clock:INSTRUCTIONS,"
               " call:ADDRESS or round:INSTRUCTIONS[:INSTRUCTIONS...], not"
               " '%s'", text);
    return false;
}

bool halt_set(const char *text, bool pause, Error **errp)
{
    if (!parse(text, errp)) {
        return false;
    }
    halt.wanted = true;
    halt.pause = pause;
    halt.order = rr_schedule;
    if (halt.moment == MOMENT_CLOCK) {
        rr_schedule = &until_halt;
    }
    if (halt.moment == MOMENT_ROUND) {
        rr_schedule = &at_round;
    }
    return true;
}

/* Whether a moment that is wanted lies before this one, at which a guest is loaded */
static bool is_over(const EmulatedGuest *guest, uint64_t next_seq)
{
    switch (halt.moment) {
    case MOMENT_EVENT:
        return halt.number < next_seq;
    case MOMENT_CALL:       /* the first one may have been */
        return guest->stage >= STAGE_KERNEL;
    case MOMENT_CLOCK:
    case MOMENT_ROUND:
        return halt.number < guest_clock();
    }
    g_assert_not_reached();
}

void halt_state(EmulatedGuest *guest, StateStream *state)
{
    uint64_t next_seq = event_stream_next(guest->events);

    if (state_loads(state) && halt.wanted && is_over(guest, next_seq)) {
        state_refuse(state, "the moment at which it is to be halted is over");
    }
}
