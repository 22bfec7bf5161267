/* SPDX-License-Identifier: GPL-2.0-only */
/* Malicious host actions (acts) that a run injects at chosen moments. */
#ifndef ACCEPTLAB_ATTACKS_H
#define ACCEPTLAB_ATTACKS_H

#include "qapi/error.h"
#include "model/event.h"
#include "compat.h"

struct EmulatedGuest;

/*
 * Reads the attacks file: `WHEN ACT NUMBER` per line. WHEN is the name of a
 * stage (when it begins) or `accepted` (once the guest has accepted the
 * page); NUMBER is a guest-physical address, or a count for acts on calls. An
 * act that the platform ("snp" or "tdx") does not have is an error.
 */
bool attacks_read(const char *path, const char *platform, Error **errp);

/* Observer of events (events.h): each may be the moment for an act. */
void attacks_note(struct EmulatedGuest *guest, const struct acc_event *event);

/* Commits the acts that are due. Caller holds guest->lock. */
void attacks_commit(struct EmulatedGuest *guest);

/*
 * For the report: each act of the file as { "text", "took_place" }, the latter
 * how often it took place; an act on calls once for each call that it
 * disturbed. Caller holds guest->lock.
 */
QList *attacks_report(struct EmulatedGuest *guest);

#endif
