/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of guest functions as events, with no help from the guest. */
#ifndef ACCEPTLAB_PROBES_H
#define ACCEPTLAB_PROBES_H

#include "qapi/error.h"
#include "model/event.h"

struct EmulatedCpu;
struct EmulatedGuest;

/*
 * Reads the probes file: `NAME LINK_ADDRESS [FIRST-ARGUMENT]` per line. They
 * are of each kernel that the guest runs, unless a line `second` separates
 * those of the first kernel from those of a second one. The lines behind a
 * line `count`, NAME LINK_ADDRESS, are of functions whose executions are counted
 * (counts.h), in a second kernel too unless there is a line `second`.
 */
bool probes_read(const char *path, Error **errp);

/*
 * Observer of events (events.h): functions are watched from the kernel's first
 * instruction until another kernel starts, and in that one from its first
 * instruction in the kernel map: its functions lie elsewhere.
 */
void probes_note(struct EmulatedGuest *guest, const struct acc_event *event);

/* Places that are no events: one address each */
enum Watch {
    WATCH_PANIC,
    WATCH_OOPS,
    WATCH_MEMORY_MAP,
    WATCH_EXIT_BOOT_SERVICES,
    WATCH_BOOT_SERVICES_OVER,
    WATCH_HALT,
    WATCHES
};

/*
 * From now on a vCPU that is about to execute the instruction at pc (a run
 * address) calls reached(), in the middle of a block entered at retaddr and
 * without guest->lock; NULL: no longer. Called with guest->lock held, before code at pc is
 * translated.
 */
void probes_call_at(enum Watch watch, uint64_t pc,
                    void (*reached)(struct EmulatedCpu *cpu, uintptr_t retaddr));

#endif
