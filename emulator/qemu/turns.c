/* SPDX-License-Identifier: GPL-2.0-only */
/* Turns of vCPUs that depend on the guest alone (see turns.h). */
#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "hw/core/cpu.h"
#include "../../../accel/tcg/tcg-accel-ops-rr.h"
#include "compat.h"
#include "spin.h"
#include "turns.h"

/* Instructions; a vCPU that another one spins for waits at most so long. */
#define LONGEST_TURN (NANOSECONDS_PER_SECOND / 100)

static struct {
    CPUState *cpu;          /* whose turn it is, or NULL */
    CPUState *last;         /* whose turn was the last to end, or NULL */
    int64_t left;           /* instructions of the turn in progress */
    int64_t mark;           /* icount_executed of its vCPU when last looked at */
    int64_t length;         /* of each turn of the round */
    int64_t deadline;       /* of the next timer when that was computed, ns */
    bool gives_way;
} turn;

void turns_give_way(void)
{
    turn.gives_way = true;
}

bool turns_can_use(CPUState *cpu)
{
    return (!cpu->halted || cpu_has_work(cpu)) &&
           !(rr_schedule && spin_waits(cpu));
}

/* Of guest time, ns from now; -1: none. QEMU's budget counts timers of the host's
 * time, too. */
static int64_t to_next_timer(void)
{
    return qemu_clock_deadline_ns_all(QEMU_CLOCK_VIRTUAL, QEMU_TIMER_ATTR_ALL);
}

/* When the next timer is due; INT64_MAX without one */
static int64_t next_timer(void)
{
    int64_t ns = to_next_timer();

    return ns < 0 ? INT64_MAX : qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + ns;
}

static void account(CPUState *cpu)
{
    turn.left -= cpu->icount_executed - turn.mark;
    turn.mark = cpu->icount_executed;
}

/* Others are kicked as well when one is, and would not be run for that. Those
 * with work to do, or to be stopped, are known by other signs. */
static void forget_kicks(CPUState *cpu)
{
    CPUState *other;

    CPU_FOREACH(other) {
        if (other != cpu) {
            qatomic_set(&other->exit_request, 0);
        }
    }
}

/* Instructions to the next timer, divided by the number of vCPUs */
static int64_t share_of_each(void)
{
    int64_t ns = to_next_timer(), all;
    CPUState *cpu;
    int cpus = 0;

    CPU_FOREACH(cpu) {
        cpus++;
    }
    if (ns < 0) {
        return LONGEST_TURN;
    }
    all = icount_round(ns);
    return MIN(all / cpus ?: all, LONGEST_TURN);
}

/* With nothing else to run the vCPU spins, as the guest's clock stands still if
 * nobody executes anything. */
static bool is_parked(CPUState *cpu)
{
    CPUState *other;

    if (!spin_waits(cpu)) {
        return false;
    }
    CPU_FOREACH(other) {
        if (other != cpu && turns_can_use(other)) {
            return true;
        }
    }
    return false;
}

/* The share is that of a new round, or of the rest of one where the next timer
 * is another by now. QEMU's budget is from before that. */
static int64_t instructions(CPUState *cpu, int64_t budget)
{
    int64_t deadline = next_timer();
    bool begins = turn.cpu != cpu;

    forget_kicks(cpu);
    if (!begins) {
        account(cpu);
    }
    if (deadline != turn.deadline) {
        turn.deadline = deadline;
        turn.length = share_of_each();
        turn.left = MIN(turn.left, turn.length);
    } else if (begins && cpu == first_cpu) {
        turn.length = share_of_each();
    }
    if (begins) {
        turn.cpu = cpu;
        turn.mark = cpu->icount_executed;
        turn.left = is_parked(cpu) ? 0 : turn.length;
    }
    return MAX(turn.left, 0);
}

/*
 * The same vCPU goes on where its turn is not over. Where a timer is due, it is
 * to run before the next turn: QEMU's main loop could run it in the middle.
 */
static CPUState *same_or_next(CPUState *cpu)
{
    bool over;

    if (cpu->stopped) {         /* the machine is: it goes on where it was */
        return turn.cpu ?: (turn.last ? CPU_NEXT(turn.last) : NULL)
               ?: first_cpu;
    }
    if (turn.cpu != cpu) {
        return NULL;
    }
    account(cpu);
    over = turn.left <= 0 || turn.gives_way || cpu->halted;
    turn.gives_way = false;
    if (!over) {
        return cpu;
    }
    turn.last = cpu;
    turn.cpu = NULL;
    return !to_next_timer() ? CPU_NEXT(cpu) : NULL;
}

static const RRSchedule by_turns = {
    .budget = instructions,
    .next = same_or_next,
};

void turns_begin(void)
{
    rr_schedule = &by_turns;
    rr_without_kicks = true;
}
