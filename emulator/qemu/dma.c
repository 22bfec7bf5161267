/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Device DMA: devices reach guest RAM only by way of an IOMMU region that
 * checks every page with the platform, while vCPUs see the RAM itself. So every
 * path of a device model (read, write, map, cached access) is checked, with no
 * change to QEMU's own code.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "compat.h"
#include "exec/address-spaces.h"
#include "guest.h"

#define TYPE_DMA_GUARD "emulated-guest-dma-guard"
OBJECT_DECLARE_SIMPLE_TYPE(DmaGuard, DMA_GUARD)

struct DmaGuard {
    IOMMUMemoryRegion parent_obj;
    EmulatedGuest *guest;
    hwaddr base;
};

static bool allowed(EmulatedGuest *guest, hwaddr gpa, IOMMUAccessFlags flag)
{
    struct acc_event event = {
        .kind = EVENT_DMA_REFUSED,
        .gpa = gpa & TARGET_PAGE_MASK,
        .size = TARGET_PAGE_SIZE,
        .detail = !!(flag & IOMMU_WO),
        .carry = EVENT_NO_CARRY,
    };
    EmulatedCpu *cpu = current_cpu ? cpu_env(current_cpu)
                                     ->confidential : NULL;
    bool ok;

    if (!guest->begun || guest->ended) {
        return true;    /* the boot handoff is being loaded */
    }
    qemu_mutex_lock(&guest->lock);
    ok = EMULATED_GUEST_GET_CLASS(guest)->dma_allowed(guest, gpa);
    if (!ok) {
        guest_event(guest, cpu, event, 0);
    }
    qemu_mutex_unlock(&guest->lock);
    return ok;
}

static IOMMUTLBEntry translate(IOMMUMemoryRegion *iommu, hwaddr addr,
                               IOMMUAccessFlags flag, int iommu_idx)
{
    DmaGuard *guard = DMA_GUARD(iommu);
    hwaddr gpa = guard->base + addr;

    return (IOMMUTLBEntry) {
        .target_as = &guard->guest->memory,
        .iova = addr & TARGET_PAGE_MASK,
        .translated_addr = gpa & TARGET_PAGE_MASK,
        .addr_mask = ~TARGET_PAGE_MASK,
        .perm = allowed(guard->guest, gpa, flag) ? IOMMU_RW : IOMMU_NONE,
    };
}

typedef struct RamPiece {
    MemoryRegion *ram;
    hwaddr offset;
    hwaddr gpa;
    hwaddr size;
} RamPiece;

static bool collect(Int128 start, Int128 size, const MemoryRegion *mr,
                    hwaddr offset, void *opaque)
{
    RamPiece piece = { (MemoryRegion *)mr, offset, int128_get64(start),
                       int128_get64(size) };

    if (memory_region_is_ram((MemoryRegion *)mr) && !mr->readonly &&
        !memory_region_is_romd((MemoryRegion *)mr)) {
        g_array_append_val((GArray *)opaque, piece);
    }
    return false;
}

/* Flash and the like are RAM to QEMU, but not the guest's. */
static bool is_guest_ram(const Handoff *handoff, const RamPiece *piece)
{
    unsigned i;

    for (i = 0; i < handoff->count; i++) {
        const HandoffRange *range = &handoff->ranges[i];

        if (range->kind == RANGE_RAM && range->start < piece->gpa + piece->size
            && piece->gpa < range->start + range->size) {
            return true;
        }
    }
    return false;
}

static void guard_piece(EmulatedGuest *guest, const RamPiece *piece)
{
    DmaGuard *guard = g_new0(DmaGuard, 1);
    MemoryRegion *direct = g_new0(MemoryRegion, 1);

    memory_region_init_alias(direct, OBJECT(guest), "guest-memory.ram",
                             piece->ram, piece->offset, piece->size);
    memory_region_add_subregion_overlap(&guest->cpu_view, piece->gpa, direct,
                                        1);
    memory_region_init_iommu(guard, sizeof(*guard), TYPE_DMA_GUARD,
                             OBJECT(guest), "dma-guard", piece->size);
    guard->guest = guest;
    guard->base = piece->gpa;
    memory_region_add_subregion_overlap(get_system_memory(), piece->gpa,
                                        MEMORY_REGION(guard), 1);
}

void emulated_guest_guard_dma(EmulatedGuest *guest)
{
    g_autoptr(GArray) pieces = g_array_new(false, false, sizeof(RamPiece));
    unsigned i;

    WITH_RCU_READ_LOCK_GUARD() {
        flatview_for_each_range(address_space_to_flatview(
                                    &address_space_memory), collect, pieces);
    }
    memory_region_transaction_begin();
    for (i = 0; i < pieces->len; i++) {
        RamPiece *piece = &g_array_index(pieces, RamPiece, i);

        if (is_guest_ram(&guest->handoff, piece)) {
            guard_piece(guest, piece);
        }
    }
    memory_region_transaction_commit();
}

static void dma_guard_class_init(ObjectClass *oc, void *data)
{
    IOMMU_MEMORY_REGION_CLASS(oc)->translate = translate;
}

static const TypeInfo dma_guard_type = {
    .parent = TYPE_IOMMU_MEMORY_REGION,
    .name = TYPE_DMA_GUARD,
    .instance_size = sizeof(DmaGuard),
    .class_init = dma_guard_class_init,
};

static void register_types(void)
{
    type_register_static(&dma_guard_type);
}

type_init(register_types);
