/* SPDX-License-Identifier: GPL-2.0-only */
/* Stores to the table of unaccepted memory, as events. */
#ifndef ACCEPTLAB_TABLE_WATCH_H
#define ACCEPTLAB_TABLE_WATCH_H

#include "guest.h"

/*
 * From now on a store that changes the table is an event. No effect where the
 * boot handoff has no table. Call it once memory is as vCPUs will see it.
 */
void table_watch_begin(EmulatedGuest *guest);

/*
 * A translation to gpa is about to be cached with these permissions: what it
 * may permit. A fetch from the table's pages ends the watch, for TCG has to see
 * stores to code itself; no other access leaves a translation for fetches.
 * Caller does not hold guest->lock.
 */
int table_watch_prot(EmulatedCpu *cpu, hwaddr gpa, enum access_kind kind,
                     int prot);

#endif
