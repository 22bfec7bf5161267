/* SPDX-License-Identifier: GPL-2.0-only */
/* The order in which vCPUs take turns, where it is not QEMU's own (-icount). */
#ifndef ACCEPTLAB_SCHEDULE_H
#define ACCEPTLAB_SCHEDULE_H

#include "qapi/error.h"
#include "guest.h"

/*
 * text: random:SEED:QUANTUM:FROM:TO, pct:SEED:DEPTH:FROM:TO or
 * events:SEED:PERCENT:FROM:TO. The schedule is in effect while the guest's
 * clock, in instructions, is at FROM or later and before TO.
 */
bool schedule_set(const char *text, Error **errp);

/* An observer of the event stream (events.h). */
void schedule_note(EmulatedGuest *guest, const struct acc_event *event);

/* The running vCPU executes PAUSE while another can run: it waits for one, and
 * its turn ends; with pct after some of them. */
void schedule_pause(void);

/* How many turns the schedule has given that QEMU would not have given. */
uint64_t schedule_turns(void);

#endif
