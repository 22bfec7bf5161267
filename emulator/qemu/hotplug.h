/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that the host adds and removes while the guest runs: the ACPI memory
 * devices of the boot handoff's slots (toolkit/firmware/acpi.py has their DSDT).
 */
#ifndef ACCEPTLAB_HOTPLUG_H
#define ACCEPTLAB_HOTPLUG_H

#include "qapi/error.h"
#include "model/event.h"
#include "compat.h"

struct EmulatedGuest;

/*
 * Reads the hotplug file: `WHEN ACT SLOT [SIZE]` per line. WHEN is the name of a stage
 * (when it begins) or `+N`, N ns of guest time after the line before; SLOT counts
 * the handoff's slots from 0. ACT is `add`; `remove`, a request that the guest
 * fulfils when it ejects the memory; `ignore`, from here on the host ignores that;
 * `keep`, it reports the memory gone and keeps the pages as the guest left them;
 * `swap`, it gives another first page when the memory is added again, and puts
 * the one from before in its place once the guest has accepted it, or a new one
 * where there is none to put back; or `resize` with a SIZE, a request to a
 * virtio-mem device.
 */
bool hotplug_read(const char *path, Error **errp);

/* The machine is complete: its registers appear. */
void hotplug_begin(struct EmulatedGuest *guest);

/* Observer of events (events.h): each may be the moment for a step. */
void hotplug_note(struct EmulatedGuest *guest, const struct acc_event *event);

/* For the report: each line of the file as { "text", "took_place" }. */
QList *hotplug_report(void);

#endif
