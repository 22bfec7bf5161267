/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Schedules of vCPUs that are drawn from a seed, under -icount: all vCPUs
 * share one thread and take turns. The generator advances with the guest's
 * own instructions alone, so one seed always gives one run.
 */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "hw/core/cpu.h"
#include "system/cpus.h"
#include "../../../accel/tcg/tcg-accel-ops-rr.h"
#include "schedule.h"

#define SHORTEST_TURN 32
/* pct: a vCPU that runs so long without an idle moment, or executes so many
 * PAUSEs with few instructions between them, waits for another vCPU, as in a
 * spin lock, and gets the lowest priority. */
#define LONGEST_TURN (1 << 20)
#define MOST_PAUSES 64
#define BETWEEN_PAUSES 256
/* events: a turn without an event */
#define EVENTLESS_TURN (1 << 11)
#define MAX_DEPTH 64

typedef enum ScheduleKind {
    SCHEDULE_RANDOM,        /* length of a turn and next vCPU at random */
    SCHEDULE_PCT,           /* probabilistic concurrency testing */
    SCHEDULE_EVENTS,        /* another vCPU after some of the events */
} ScheduleKind;

static struct {
    ScheduleKind kind;
    uint64_t state;         /* of the generator */
    int64_t from, to;       /* the guest's clock while it is in effect */
    uint64_t parameter;     /* longest turn, depth, or percent */
    int64_t left;           /* instructions of the turn in progress */
    int64_t mark;           /* icount_executed of its vCPU when it went on */
    int chosen;             /* cpu_index that the turn is for */
    bool begun;             /* a turn has been drawn */
    uint64_t turns;
    int cpus;
    uint64_t *priority;     /* pct, by cpu_index: the highest runs */
    uint64_t lowest;
    int64_t change[MAX_DEPTH];  /* pct: when the running vCPU is demoted */
    unsigned changes;           /* of them that lie behind */
    unsigned pauses;            /* pct: one after the other */
    int64_t last_pause;         /* pct: when the last one was executed */
    const RRSchedule *order;    /* where it is not in effect */
} schedule;

/* splitmix64: Steele, Lea and Flood, Fast splittable pseudorandom number
 * generators, OOPSLA 2014 */
static uint64_t draw(void)
{
    uint64_t z = schedule.state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* In [0, limit); the bias of the modulo is below 2^-40 for our limits. */
static uint64_t draw_below(uint64_t limit)
{
    return draw() % limit;
}

/*
 * Log-uniform from SHORTEST_TURN to the parameter: short turns are as likely
 * as long ones. No floating point, which could differ between hosts: first
 * the power of two, then the place within it.
 */
static int64_t draw_turn(void)
{
    uint64_t turn = SHORTEST_TURN;
    unsigned doublings = 0;

    while (turn << (doublings + 1) <= schedule.parameter) {
        doublings++;
    }
    turn <<= draw_below(doublings + 1);
    return MIN(turn + draw_below(turn), schedule.parameter);
}

static bool in_effect(void)
{
    int64_t now = guest_clock();

    return now >= schedule.from && now < schedule.to;
}

static bool is_idle(CPUState *cpu)
{
    return !cpu_work_list_empty(cpu) ? false
           : cpu->stopped || (cpu->halted && !cpu_has_work(cpu));
}

static int number_of_cpus(void)
{
    CPUState *cpu;
    int count = 0;

    CPU_FOREACH(cpu) {
        count++;
    }
    return count;
}

/* The first vCPU that can run, from the chosen one on; NULL if none can. */
static CPUState *runnable_from(int index)
{
    int i;

    for (i = 0; i < schedule.cpus; i++) {
        CPUState *cpu = qemu_get_cpu((index + i) % schedule.cpus);

        if (cpu && !is_idle(cpu)) {
            return cpu;
        }
    }
    return NULL;
}

static CPUState *of_highest_priority(void)
{
    CPUState *cpu, *best = NULL;

    CPU_FOREACH(cpu) {
        if (!is_idle(cpu) && (!best || schedule.priority[cpu->cpu_index] >
                                       schedule.priority[best->cpu_index])) {
            best = cpu;
        }
    }
    return best;
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

/* Random priorities, and the moments at which the running vCPU loses its own
 * (Burckhardt et al., A randomized scheduler with probabilistic guarantees of
 * finding bugs, ASPLOS 2010). */
static void begin_pct(void)
{
    uint64_t span = schedule.to - schedule.from;
    unsigned i;

    schedule.lowest = 1ULL << 32;
    schedule.priority = g_new(uint64_t, schedule.cpus);
    for (i = 0; i < schedule.cpus; i++) {
        schedule.priority[i] = schedule.lowest + 1 + draw_below(1ULL << 31);
    }
    for (i = 0; i < schedule.parameter; i++) {
        schedule.change[i] = schedule.from + draw_below(span);
    }
    qsort(schedule.change, schedule.parameter, sizeof(schedule.change[0]),
          compare);
}

static void begin(void)
{
    schedule.begun = true;
    schedule.cpus = number_of_cpus();
    if (schedule.kind == SCHEDULE_PCT) {
        begin_pct();
    }
}

/* pct: whether the running vCPU loses its priority now */
static bool is_demoted(void)
{
    bool demoted = schedule.left <= 0;

    while (schedule.changes < schedule.parameter &&
           guest_clock() >= schedule.change[schedule.changes]) {
        schedule.changes++;
        demoted = true;
    }
    return demoted;
}

static void start_turn(void)
{
    schedule.turns++;
    schedule.pauses = 0;
    switch (schedule.kind) {
    case SCHEDULE_RANDOM:
        schedule.chosen = draw_below(schedule.cpus);
        schedule.left = draw_turn();
        break;
    case SCHEDULE_PCT:
        schedule.left = LONGEST_TURN;
        break;
    case SCHEDULE_EVENTS:
        schedule.chosen = (schedule.chosen + 1) % schedule.cpus;
        schedule.left = EVENTLESS_TURN;
        break;
    }
}

/* pct: instructions up to the next change of priority */
static int64_t to_next_change(void)
{
    if (schedule.changes == schedule.parameter) {
        return INT64_MAX;
    }
    return schedule.change[schedule.changes] - (int64_t)guest_clock();
}

/* The instructions that this vCPU may execute now; budget: those to the next
 * timer, divided by the number of vCPUs. */
static int64_t turn_budget(CPUState *cpu, int64_t budget)
{
    int64_t before = schedule.from - (int64_t)guest_clock();

    schedule.mark = cpu->icount_executed;
    if (before > 0) {
        return MIN(schedule.order->budget(cpu, budget), before);
    }
    if (!schedule.begun || !in_effect()) {
        return schedule.order->budget(cpu, budget);
    }
    if (schedule.kind == SCHEDULE_PCT) {
        budget = MIN(schedule.left, to_next_change());
    } else {
        budget = schedule.left;
    }
    return MAX(budget, 1);
}

/* The vCPU that runs after this one has; NULL: the next in turn. */
static CPUState *next_cpu(CPUState *cpu)
{
    int64_t executed = cpu->icount_executed - schedule.mark;

    if (!in_effect()) {
        return schedule.order->next(cpu);
    }
    if (!schedule.begun) {
        begin();
        start_turn();
    }
    schedule.left -= executed;
    if (schedule.kind == SCHEDULE_PCT) {
        if (executed && is_demoted()) {
            schedule.priority[cpu->cpu_index] = --schedule.lowest;
            start_turn();
        }
        return of_highest_priority() ?: cpu;
    }
    /* Only executed instructions move the generator: how often an idle vCPU
     * is looked at depends on the host. */
    if (executed && (schedule.left <= 0 || is_idle(cpu))) {
        start_turn();
    }
    return runnable_from(schedule.chosen) ?: cpu;
}

void schedule_note(EmulatedGuest *guest, const struct acc_event *event)
{
    if (schedule.kind != SCHEDULE_EVENTS || !schedule.begun || !current_cpu ||
        event->kind == EVENT_PROBE_ENTER ||
        event->kind == EVENT_PROBE_RETURN || !in_effect() ||
        draw_below(100) >= schedule.parameter) {
        return;
    }
    /* next_cpu() takes the one after it. */
    schedule.chosen = (current_cpu->cpu_index + draw_below(schedule.cpus)) %
                      schedule.cpus;
    schedule.left = 0;
    cpu_exit(current_cpu);
}

/* pct: whether the running vCPU waits for another one. A single PAUSE says
 * nothing: to demote for it would undo the priorities. */
static bool has_paused_enough(void)
{
    int64_t now = guest_clock();

    if (now - schedule.last_pause > BETWEEN_PAUSES) {
        schedule.pauses = 0;
    }
    schedule.last_pause = now;
    return ++schedule.pauses >= MOST_PAUSES;
}

void schedule_pause(void)
{
    if (schedule.begun && in_effect() &&
        (schedule.kind != SCHEDULE_PCT || has_paused_enough())) {
        schedule.left = 0;
    }
}

uint64_t schedule_turns(void)
{
    return schedule.turns;
}

static const RRSchedule by_seed = {
    .budget = turn_budget,
    .next = next_cpu,
};

static bool parse(char **field, Error **errp)
{
    static const char *const names[] = { "random", "pct", "events" };
    uint64_t number[4];
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(field[0], names[i])) {
            schedule.kind = i;
            break;
        }
    }
    if (i == ARRAY_SIZE(names)) {
        error_setg(errp, "schedule is random, pct or events, not '%s'",
                   field[0]);
        return false;
    }
    for (i = 0; i < ARRAY_SIZE(number); i++) {
        if (qemu_strtou64(field[i + 1], NULL, 0, &number[i])) {
            error_setg(errp, "schedule: '%s' is not a number", field[i + 1]);
            return false;
        }
    }
    schedule.state = number[0];
    schedule.parameter = number[1];
    schedule.from = number[2];
    schedule.to = MIN(number[3], INT64_MAX);
    return true;
}

bool schedule_set(const char *text, Error **errp)
{
    g_auto(GStrv) field = g_strsplit(text, ":", 0);

    if (g_strv_length(field) != 5) {
        error_setg(errp, "schedule: NAME:SEED:PARAMETER:FROM:TO expected, "
                   "not '%s'", text);
        return false;
    }
    if (!parse(field, errp)) {
        return false;
    }
    if (schedule.kind == SCHEDULE_PCT && schedule.parameter > MAX_DEPTH) {
        error_setg(errp, "schedule: depth is at most %d", MAX_DEPTH);
        return false;
    }
    if (schedule.kind == SCHEDULE_RANDOM &&
        schedule.parameter < SHORTEST_TURN) {
        error_setg(errp, "schedule: a turn has at least %d instructions",
                   SHORTEST_TURN);
        return false;
    }
    schedule.order = rr_schedule;
    rr_schedule = &by_seed;
    return true;
}
