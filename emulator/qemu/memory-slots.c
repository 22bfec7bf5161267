/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is plugged and unplugged (see memory-slots.h). */
#include "qemu/osdep.h"
#include "exec/address-spaces.h"
#include "exec/cpu-common.h"
#include "exec/memory.h"
#include "guest.h"
#include "memory-slots.h"
#include "model/access.h"

static MemorySlot slots[MEMORY_SLOTS_MAX];
static unsigned slot_count;

MemorySlot *memory_slot(unsigned number)
{
    return number < MEMORY_SLOTS_MAX ? &slots[number] : NULL;
}

unsigned memory_slots_begin(EmulatedGuest *guest)
{
    const Handoff *handoff = &guest->handoff;
    unsigned i;

    for (i = 0; i < handoff->count; i++) {
        const HandoffRange *range = &handoff->ranges[i];

        if (range->kind == RANGE_SLOT && slot_count < MEMORY_SLOTS_MAX) {
            slots[slot_count].start = range->start;
            slots[slot_count++].size = range->size;
        }
    }
    return slot_count;
}

/* ---- another page at a replug ------------------------------------------------ */

static bool is_swapped(const MemorySlot *slot, uint64_t start)
{
    return slot->swaps && slot->was_unplugged && slot->swap == SWAP_NONE &&
           start == slot->start;
}

/* The page that the guest accepts now is to be another one than the first. */
static void give_another(EmulatedGuest *guest, MemorySlot *slot)
{
    EmulatedGuestClass *gc = EMULATED_GUEST_GET_CLASS(guest);

    slot->swap_is_back = gc->drop_others &&
                         gc->attack(guest, gc->swap_at_plug, slot->start);
    slot->swap = SWAP_GIVEN;
}

void memory_slots_note(EmulatedGuest *guest, const struct acc_event *event)
{
    unsigned i;

    if (event->kind != EVENT_ACCEPT || event->result || event->carry == 1) {
        return;
    }
    for (i = 0; i < slot_count; i++) {
        if (slots[i].swap == SWAP_GIVEN && slots[i].start >= event->gpa &&
            slots[i].start - event->gpa < event->size) {
            slots[i].swap = SWAP_DUE;
        }
    }
}

void memory_slots_commit(EmulatedGuest *guest)
{
    EmulatedGuestClass *gc = EMULATED_GUEST_GET_CLASS(guest);
    unsigned i;

    for (i = 0; i < slot_count; i++) {
        MemorySlot *slot = &slots[i];

        if (slot->swap == SWAP_DUE) {
            slot->swap = SWAP_NONE;
            if (gc->attack(guest, slot->swap_is_back ? gc->swap_back
                                                     : gc->replace,
                           slot->start)) {
                slot->swap = SWAP_DONE;
            }
        }
    }
}

/* ---- plug and unplug --------------------------------------------------------- */

bool memory_slot_plug(EmulatedGuest *guest, MemorySlot *slot, uint64_t start,
                      uint64_t size)
{
    bool plugged;

    qemu_mutex_lock(&guest->lock);
    plugged = EMULATED_GUEST_GET_CLASS(guest)->plug(guest, start, size);
    if (plugged && is_swapped(slot, start)) {
        give_another(guest, slot);
    }
    qemu_mutex_unlock(&guest->lock);
    emulated_guest_flush(guest);
    return plugged;
}

/* What is plugged again is other memory: nothing that the guest ever wrote. */
static void discard(EmulatedGuest *guest, uint64_t start, uint64_t size)
{
    MemoryRegionSection section;

    section = memory_region_find(&guest->cpu_view, start, size);
    if (section.mr && memory_region_is_ram(section.mr)) {
        ram_block_discard_range(section.mr->ram_block,
                                section.offset_within_region,
                                int128_get64(section.size));
    }
    memory_region_unref(section.mr);
}

static void leave(EmulatedGuest *guest, uint64_t start, uint64_t size)
{
    struct acc_event event = {
        .kind = EVENT_ATTACK,
        .gpa = start,
        .size = size,
        .detail = ATTACK_IGNORE_UNPLUG,
        .carry = EVENT_NO_CARRY,
    };

    guest_event(guest, NULL, event, 0);
}

static bool take(EmulatedGuest *guest, uint64_t start, uint64_t size, bool keep)
{
    if (!size) {
        return true;
    }
    if (!EMULATED_GUEST_GET_CLASS(guest)->unplug(guest, start, size, keep)) {
        return false;
    }
    if (!keep) {
        discard(guest, start, size);
    }
    return true;
}

/* A host that is to give another first page keeps that one, where it can. */
static bool take_but_first(EmulatedGuest *guest, uint64_t start, uint64_t size)
{
    EmulatedGuestClass *gc = EMULATED_GUEST_GET_CLASS(guest);

    if (!take(guest, start, MODEL_UNIT_SIZE, true)) {
        return false;
    }
    gc->drop_others(guest, start);
    discard(guest, start + TARGET_PAGE_SIZE, MODEL_UNIT_SIZE - TARGET_PAGE_SIZE);
    return take(guest, start + MODEL_UNIT_SIZE, size - MODEL_UNIT_SIZE, false);
}

bool memory_slot_unplug(EmulatedGuest *guest, MemorySlot *slot, uint64_t start,
                        uint64_t size)
{
    EmulatedGuestClass *gc = EMULATED_GUEST_GET_CLASS(guest);
    bool gone = false;

    qemu_mutex_lock(&guest->lock);
    if (slot->ignores) {
        leave(guest, start, size);
    } else if (slot->swaps && gc->drop_others && start == slot->start) {
        gone = take_but_first(guest, start, size);
    } else {
        gone = take(guest, start, size, slot->keeps);
    }
    slot->was_unplugged |= gone;
    qemu_mutex_unlock(&guest->lock);
    emulated_guest_flush(guest);
    return gone;
}
