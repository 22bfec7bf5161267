/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of unaccepted memory (struct efi_unaccepted_memory) lies under a
 * region of its own in the view of vCPUs and devices: reads are direct, as of a
 * ROM device, and stores come here. The region's memory is the guest's RAM
 * itself, so that nothing is copied and whoever looks at RAM sees the table.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "cpu.h"
#include "compat.h"
#include "exec/ram_addr.h"
#include "guest.h"
#include "state.h"
#include "table-watch.h"

/* Offset of the bitmap in struct efi_unaccepted_memory (include/linux/efi.h) */
#define TABLE_BITMAP_OFFSET 24

/* Linux only ever clears bits, so that its stores are fewer than the bits. A
 * guest that uses the memory for something else stores without end: after so
 * many stores that are no clearing of bits, the watch ends. */
#define OTHER_STORES_MAX 65536

struct TableWatch {
    EmulatedGuest *guest;
    MemoryRegion region;
    hwaddr base;            /* of the region */
    uint8_t *host;          /* where the region's memory is */
    unsigned other_stores;
    bool active;
};

/* Caller holds guest->lock. */
static void record(TableWatch *watch, bool begins)
{
    const Handoff *handoff = &watch->guest->handoff;

    guest_event(watch->guest, NULL, (struct acc_event) {
        .kind = EVENT_TABLE_WATCH,
        .gpa = handoff->unaccepted_table,
        .size = handoff->unaccepted_table_size,
        .detail = begins,
        .carry = EVENT_NO_CARRY,
    }, 0);
}

/* Caller holds the big lock. */
static void end(TableWatch *watch)
{
    qemu_mutex_lock(&watch->guest->lock);
    watch->active = false;
    record(watch, false);
    qemu_mutex_unlock(&watch->guest->lock);
    memory_region_set_enabled(&watch->region, false);
}

/* Whether the store does anything but clear bits of the bitmap */
static bool is_other(const Handoff *handoff, hwaddr gpa, uint64_t before,
                     uint64_t after)
{
    return gpa < handoff->unaccepted_table + TABLE_BITMAP_OFFSET ||
           (after & ~before);
}

/* Caller holds guest->lock. */
static void record_store(TableWatch *watch, hwaddr gpa, unsigned size,
                         uint64_t before, uint64_t after)
{
    CPUState *cs = current_cpu;
    EmulatedCpu *cpu = cs ? cpu_env(cs)->confidential : NULL;

    guest_event(watch->guest, cpu, (struct acc_event) {
        .kind = EVENT_TABLE_STORE,
        .gpa = gpa,
        .size = size,
        .result = before,
        .detail = after,
        .carry = EVENT_NO_CARRY,
    }, cs ? cs->mem_io_pc : 0);
    watch->other_stores += is_other(&watch->guest->handoff, gpa, before, after);
}

static bool is_of_table(const EmulatedGuest *guest, hwaddr gpa, unsigned size)
{
    const Handoff *handoff = &guest->handoff;

    return gpa + size > handoff->unaccepted_table &&
           gpa < handoff->unaccepted_table + handoff->unaccepted_table_size;
}

static void store(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    TableWatch *watch = opaque;
    EmulatedGuest *guest = watch->guest;
    hwaddr gpa = watch->base + offset;
    uint64_t before;

    value = extract64(value, 0, size * 8);
    /* A snapshot has the store if the event comes before it, else not. */
    qemu_mutex_lock(&guest->lock);
    before = ldn_le_p(watch->host + offset, size);
    stn_le_p(watch->host + offset, size, value);
    if (watch->active && before != value && is_of_table(guest, gpa, size)) {
        record_store(watch, gpa, size, before, value);
    }
    qemu_mutex_unlock(&guest->lock);
    if (watch->active && watch->other_stores >= OTHER_STORES_MAX) {
        end(watch);
    }
}

/* Reads come here only from a part of QEMU that does not read ROM directly. */
static uint64_t load(void *opaque, hwaddr offset, unsigned size)
{
    TableWatch *watch = opaque;

    return ldn_le_p(watch->host + offset, size);
}

static const MemoryRegionOps table_ops = {
    .read = load,
    .write = store,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

/* As memory_region_init_rom_device(), with memory that is there already */
static void init_region(TableWatch *watch, hwaddr size)
{
    MemoryRegion *region = &watch->region;

    memory_region_init_io(region, OBJECT(watch->guest), &table_ops, watch,
                          "unaccepted-table", size);
    region->rom_device = true;
    region->ram_block = qemu_ram_alloc_from_ptr(size, watch->host, region,
                                                &error_fatal);
    memory_region_add_subregion_overlap(&watch->guest->watched_view,
                                        watch->base, region, 1);
}

void table_watch_begin(EmulatedGuest *guest)
{
    const Handoff *handoff = &guest->handoff;
    hwaddr base = handoff->unaccepted_table & TARGET_PAGE_MASK;
    hwaddr end = ROUND_UP(handoff->unaccepted_table +
                          handoff->unaccepted_table_size, TARGET_PAGE_SIZE);
    TableWatch *watch;

    if (!handoff->unaccepted_table || !handoff->unaccepted_table_size) {
        return;
    }
    watch = g_new0(TableWatch, 1);
    watch->guest = guest;
    watch->base = base;
    watch->host = emulated_guest_ram(guest, base, end - base);
    if (!watch->host) {
        g_free(watch);      /* not in RAM: nothing that could be watched */
        return;
    }
    init_region(watch, end - base);
    watch->active = true;
    guest->table_watch = watch;
    record(watch, true);
}

int table_watch_prot(EmulatedCpu *cpu, hwaddr gpa, enum access_kind kind,
                     int prot)
{
    TableWatch *watch = cpu->guest->table_watch;
    bool locked = bql_locked();

    if (!watch || !watch->active ||
        gpa - watch->base >= memory_region_size(&watch->region)) {
        return prot;
    }
    if (kind != ACCESS_FETCH) {
        return prot & ~PAGE_EXEC;
    }
    if (!locked) {
        bql_lock();
    }
    if (watch->active) {
        end(watch);
    }
    if (!locked) {
        bql_unlock();
    }
    return prot;
}

void table_watch_state(EmulatedGuest *guest, StateStream *state)
{
    TableWatch *watch = guest->table_watch;
    TableWatch none = { };

    watch = watch ? watch : &none;
    STATE_FIELD(state, watch->other_stores);
    STATE_FIELD(state, watch->active);
    if (watch != &none && state_loads(state)) {
        memory_region_set_enabled(&watch->region, watch->active);
    }
}
