/* SPDX-License-Identifier: GPL-2.0-only */
/* Halts the guest at a chosen moment of its run: for a report, or a debugger. */
#ifndef ACCEPTLAB_HALT_H
#define ACCEPTLAB_HALT_H

#include "qapi/error.h"
#include "guest.h"

/*
 * text: event:SEQ, clock:INSTRUCTIONS (since the boot handoff, with -icount)
 * or call:LINK_ADDRESS, the first call of a function of the first kernel.
 * pause: the machine stops, for a debugger, as soon as the instruction of the
 * event is complete, and may go on; otherwise the run ends at the event itself.
 */
bool halt_set(const char *text, bool pause, Error **errp);

/* An observer of the event stream (events.h). */
void halt_note(EmulatedGuest *guest, const struct acc_event *event);

/* Sees the events that are recorded (events.h). */
void halt_recorded(EmulatedGuest *guest, EmulatedCpu *cpu,
                   const struct acc_event *event, uintptr_t retaddr);

#endif
