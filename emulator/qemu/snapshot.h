/* SPDX-License-Identifier: GPL-2.0-only */
/* Bitmap and true page states into the run folder, at marked moments. */
#ifndef ACCEPTLAB_SNAPSHOT_H
#define ACCEPTLAB_SNAPSHOT_H

#include "model/event.h"

struct EmulatedGuest;

/*
 * Observer of events (events.h): takes a snapshot, an event of its own, when a
 * stage begins and at the end. The first stage has none: RAM and LAUNCH
 * events describe the state before it.
 */
void snapshot_note(struct EmulatedGuest *guest, const struct acc_event *event);

#endif
