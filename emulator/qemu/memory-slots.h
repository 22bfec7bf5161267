/* SPDX-License-Identifier: GPL-2.0-only */
/* Where memory may be plugged while the guest runs, and how a host plugs and unplugs it: an honest one or a malicious one. */
#ifndef ACCEPTLAB_MEMORY_SLOTS_H
#define ACCEPTLAB_MEMORY_SLOTS_H

#include "model/event.h"
#include "compat.h"

struct EmulatedGuest;

#define MEMORY_SLOTS_MAX 8

/* How far the host is with another page that it gives at a replug */
enum swap { SWAP_NONE, SWAP_GIVEN, SWAP_DUE, SWAP_DONE };

typedef struct MemorySlot {
    uint64_t start;
    uint64_t size;
    bool ignores;           /* an unplug: the memory stays */
    bool keeps;             /* the pages, for the next plug */
    bool swaps;             /* gives another first page at the next plug */
    bool was_unplugged;
    enum swap swap;
    bool swap_is_back;      /* the first page is to be put back */
    /* of a slot with a virtio-mem device: the host requests another size */
    void (*resize)(void *opaque, uint64_t size);
    void *resizer;
} MemorySlot;

/* Takes the slots from the boot handoff; how many there are. */
unsigned memory_slots_begin(struct EmulatedGuest *guest);

/* NULL: there is no such slot. Also before memory_slots_begin(), for the fields that a device sets. */
MemorySlot *memory_slot(unsigned number);

/* A part of a slot becomes RAM; false: impossible now. */
bool memory_slot_plug(struct EmulatedGuest *guest, MemorySlot *slot,
                      uint64_t start, uint64_t size);

/* The guest gave a part up; whether it is gone: a malicious host may leave it. */
bool memory_slot_unplug(struct EmulatedGuest *guest, MemorySlot *slot,
                        uint64_t start, uint64_t size);

/* Observer of events (events.h). */
void memory_slots_note(struct EmulatedGuest *guest,
                       const struct acc_event *event);

/* Commits what a malicious host does then. Caller holds guest->lock. */
void memory_slots_commit(struct EmulatedGuest *guest);

#endif
