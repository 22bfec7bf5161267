/* SPDX-License-Identifier: GPL-2.0-only */
/* Caller of an acceptance: above the functions that only carry it out. */
#ifndef ACCEPTLAB_CALLERS_H
#define ACCEPTLAB_CALLERS_H

struct EmulatedCpu;
struct acc_event;

/*
 * A return address found on the stack of a vCPU that stands at the event's
 * rip, best effort; 0 where none is. Sets the event's caller_how. Without
 * symbols (symbols.h) the nearest one counts.
 */
uint64_t guest_caller(struct EmulatedCpu *cpu, struct acc_event *event);

#endif
