/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The moment at which a kernel takes over from firmware. The kernel's EFI stub
 * is recognised by its code, where it is entered; the system table that it is
 * entered with names GetMemoryMap() and ExitBootServices(). When the latter
 * returns to the stub with success, memory is the kernel's (UEFI specification
 * 2.10, 7.4.6): what firmware says of it then is copied, and from then on
 * events are the kernel's.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/units.h"
#include "cpu.h"
#include "compat.h"
#include "exec/address-spaces.h"
#include "exec/exec-all.h"
#include "hw/boards.h"
#include "firmware.h"
#include "kernel-trace.h"
#include "probes.h"

#define LEGACY_HOLE 0xa0000
#define LEGACY_HOLE_END (1 * MiB)

/* UEFI specification 2.10: EFI_SYSTEM_TABLE (4.3.1), EFI_BOOT_SERVICES (4.4.1),
 * EFI_CONFIGURATION_TABLE (4.6.1), EFI_MEMORY_DESCRIPTOR (7.2.3) */
enum {
    SYSTEM_TABLE_BOOT_SERVICES = 0x60,
    SYSTEM_TABLE_ENTRIES = 0x68,
    SYSTEM_TABLE_CONFIGURATION = 0x70,
    BOOT_SERVICES_GET_MEMORY_MAP = 0x38,
    BOOT_SERVICES_EXIT = 0xe8,
    CONFIGURATION_TABLE_SIZE = 24,
    DESCRIPTOR_START = 8,
    DESCRIPTOR_PAGES = 24,
    DESCRIPTOR_SIZE = 40,
    MAP_SIZE_MAX = 1 * MiB,
};

enum efi_type {
    EFI_RESERVED = 0,
    EFI_RUNTIME_CODE = 5,
    EFI_RUNTIME_DATA = 6,
    EFI_ACPI_NVS = 10,
};

/* Linux include/linux/efi.h LINUX_EFI_UNACCEPTED_MEM_TABLE_GUID, as in memory */
static const uint8_t unaccepted_guid[16] = {
    0x3c, 0xde, 0xd1, 0xd5, 0x5c, 0x10, 0xf9, 0x44,
    0x9e, 0xa9, 0xbc, 0xef, 0x98, 0x12, 0x00, 0x31,
};

typedef struct Descriptor {
    uint32_t type;
    uint64_t start;
    uint64_t size;
} Descriptor;

static uint64_t system_table;
static struct {
    uint64_t size_at, map, descriptor_size_at;
} asked;                    /* arguments of the last GetMemoryMap() */
static Descriptor *descriptor;
static unsigned descriptors;
static bool taken_over;
static uint64_t exits;      /* of firmware */

/* ---- guest memory ----------------------------------------------------------- */

static void overlay(EmulatedGuest *guest, const char *name, hwaddr start,
                    hwaddr size, MemoryRegion *backing, hwaddr offset)
{
    MemoryRegion *region = g_new0(MemoryRegion, 1);

    if (backing) {
        memory_region_init_alias(region, OBJECT(guest), name, backing, offset,
                                 size);
    } else {
        /* _nomigrate: the other kind takes its owner for a device. */
        memory_region_init_ram_nomigrate(region, OBJECT(guest), name, size,
                                         &error_fatal);
    }
    memory_region_add_subregion_overlap(get_system_memory(), start, region, 2);
}

static bool has_ram_at(const Handoff *handoff, hwaddr gpa)
{
    unsigned i;

    for (i = 0; i < handoff->count; i++) {
        const HandoffRange *range = &handoff->ranges[i];

        if (range->kind == RANGE_RAM && gpa >= range->start &&
            gpa - range->start < range->size) {
            return true;
        }
    }
    return false;
}

void firmware_map(EmulatedGuest *guest)
{
    const Handoff *handoff = &guest->handoff;
    MachineState *machine = MACHINE(qdev_get_machine());

    if (!handoff->firmware_size) {
        return;
    }
    overlay(guest, "firmware", handoff->firmware, handoff->firmware_size,
            NULL, 0);
    if (has_ram_at(handoff, LEGACY_HOLE)) {
        overlay(guest, "legacy-hole", LEGACY_HOLE,
                LEGACY_HOLE_END - LEGACY_HOLE, machine->ram, LEGACY_HOLE);
    }
}

static uint64_t word_at(EmulatedGuest *guest, hwaddr gpa)
{
    const void *from = emulated_guest_ram(guest, gpa, 8);

    return from ? ldq_le_p(from) : 0;
}

/* ---- the kernel takes over ---------------------------------------------------- */

/* The table's address, 0: there is none */
static uint64_t configuration_table(EmulatedGuest *guest, const uint8_t *guid)
{
    uint64_t count = word_at(guest, system_table + SYSTEM_TABLE_ENTRIES);
    uint64_t at = word_at(guest, system_table + SYSTEM_TABLE_CONFIGURATION);
    const uint8_t *entry;

    for (; count; count--, at += CONFIGURATION_TABLE_SIZE) {
        entry = emulated_guest_ram(guest, at, CONFIGURATION_TABLE_SIZE);
        if (!entry) {
            return 0;
        }
        if (!memcmp(entry, guid, 16)) {
            return ldq_le_p(entry + 16);
        }
    }
    return 0;
}

static void copy_memory_map(EmulatedGuest *guest)
{
    uint64_t size = word_at(guest, asked.size_at);
    uint64_t step = word_at(guest, asked.descriptor_size_at);
    const uint8_t *map = size && size <= MAP_SIZE_MAX
        ? emulated_guest_ram(guest, asked.map, size) : NULL;
    uint64_t at;

    if (!map || step < DESCRIPTOR_SIZE) {
        return;
    }
    descriptor = g_new0(Descriptor, size / step);
    for (at = 0; at + step <= size; at += step) {
        descriptor[descriptors++] = (Descriptor) {
            .type = ldl_le_p(map + at),
            .start = ldq_le_p(map + at + DESCRIPTOR_START),
            .size = ldq_le_p(map + at + DESCRIPTOR_PAGES) * TARGET_PAGE_SIZE,
        };
    }
}

static void watch(EmulatedCpu *cpu, enum Watch which, uint64_t pc,
                  void (*reached)(EmulatedCpu *cpu, uintptr_t retaddr))
{
    qemu_mutex_lock(&cpu->guest->lock);
    probes_call_at(which, pc, reached);
    qemu_mutex_unlock(&cpu->guest->lock);
    tb_flush(cpu->cs);      /* the code may be translated already */
}

static void on_boot_services_over(EmulatedCpu *cpu, uintptr_t retaddr)
{
    EmulatedGuest *guest = cpu->guest;

    if (cpu_env(cpu->cs)->regs[R_EAX]) {
        return;             /* the map has changed: Linux tries again */
    }
    qemu_mutex_lock(&guest->lock);
    probes_call_at(WATCH_MEMORY_MAP, 0, NULL);
    probes_call_at(WATCH_EXIT_BOOT_SERVICES, 0, NULL);
    probes_call_at(WATCH_BOOT_SERVICES_OVER, 0, NULL);
    copy_memory_map(guest);
    guest->handoff.unaccepted_table =
        configuration_table(guest, unaccepted_guid);
    taken_over = true;
    exits = guest->exits;
    kernel_trace_begin(guest);
    qemu_mutex_unlock(&guest->lock);
}

/* The arguments are those of the Microsoft x64 calling convention. */
static void on_get_memory_map(EmulatedCpu *cpu, uintptr_t retaddr)
{
    CPUX86State *env = cpu_env(cpu->cs);

    asked.size_at = env->regs[R_ECX];
    asked.map = env->regs[R_EDX];
    asked.descriptor_size_at = env->regs[R_R9];
}

static void on_exit_boot_services(EmulatedCpu *cpu, uintptr_t retaddr)
{
    uint64_t returns_to;

    if (emulated_cpu_peek(cpu, cpu_env(cpu->cs)->regs[R_ESP], &returns_to,
                          sizeof(returns_to))) {
        watch(cpu, WATCH_BOOT_SERVICES_OVER, le64_to_cpu(returns_to),
              on_boot_services_over);
    }
}

static bool is_kernel_entry(const Handoff *handoff, EmulatedGuest *guest,
                            vaddr gva, hwaddr gpa)
{
    hwaddr at = (gpa & TARGET_PAGE_MASK) | (gva & ~TARGET_PAGE_MASK);
    const void *code;

    if (!handoff->kernel_code_size ||
        (gva ^ handoff->kernel_entry) & ~TARGET_PAGE_MASK) {
        return false;
    }
    code = emulated_guest_ram(guest, at, handoff->kernel_code_size);
    return code && !memcmp(code, handoff->kernel_code,
                           handoff->kernel_code_size);
}

void firmware_note_fetch(EmulatedCpu *cpu, vaddr gva, hwaddr gpa)
{
    EmulatedGuest *guest = cpu->guest;
    uint64_t services;

    if (system_table || !is_kernel_entry(&guest->handoff, guest, gva, gpa)) {
        return;
    }
    system_table = cpu_env(cpu->cs)->regs[R_EDX];
    services = word_at(guest, system_table + SYSTEM_TABLE_BOOT_SERVICES);
    guest->kernel_image = gva - guest->handoff.kernel_entry;
    guest->kernel_entered = guest_clock();
    watch(cpu, WATCH_MEMORY_MAP,
          word_at(guest, services + BOOT_SERVICES_GET_MEMORY_MAP),
          on_get_memory_map);
    watch(cpu, WATCH_EXIT_BOOT_SERVICES,
          word_at(guest, services + BOOT_SERVICES_EXIT),
          on_exit_boot_services);
}

bool firmware_owns(hwaddr gpa)
{
    unsigned i;

    for (i = 0; i < descriptors; i++) {
        const Descriptor *one = &descriptor[i];

        if (gpa >= one->start && gpa - one->start < one->size) {
            return one->type == EFI_RESERVED || one->type == EFI_RUNTIME_CODE ||
                   one->type == EFI_RUNTIME_DATA || one->type == EFI_ACPI_NVS;
        }
    }
    return taken_over;      /* in no map: the image itself, devices */
}

/* ---- report ------------------------------------------------------------------- */

static QList *range_of(uint64_t start, uint64_t size, uint32_t type)
{
    QList *list = qlist_new();

    qlist_append_int(list, start);
    qlist_append_int(list, size);
    qlist_append_int(list, type);
    return list;
}

/* struct efi_unaccepted_memory (include/linux/efi.h) */
static QDict *table_report(EmulatedGuest *guest)
{
    uint64_t table = guest->handoff.unaccepted_table;
    const uint8_t *header = emulated_guest_ram(guest, table, 24);
    QDict *dict = qdict_new();

    qdict_put_int(dict, "table", table);
    if (header) {
        qdict_put_int(dict, "version", ldl_le_p(header));
        qdict_put_int(dict, "unit_size", ldl_le_p(header + 4));
        qdict_put_int(dict, "phys_base", ldq_le_p(header + 8));
        qdict_put_int(dict, "size", ldq_le_p(header + 16));
    }
    return dict;
}

QDict *firmware_report(EmulatedGuest *guest)
{
    QDict *dict = qdict_new();
    QList *map = qlist_new();
    unsigned i;

    for (i = 0; i < descriptors; i++) {
        qlist_append(map, range_of(descriptor[i].start, descriptor[i].size,
                                   descriptor[i].type));
    }
    qdict_put_bool(dict, "kernel_took_over", taken_over);
    qdict_put_int(dict, "kernel_image", guest->kernel_image);
    qdict_put_int(dict, "kernel_entered", guest->kernel_entered);
    qdict_put(dict, "memory_map", map);
    qdict_put_int(dict, "exits", taken_over ? exits : guest->exits);
    if (guest->handoff.unaccepted_table) {
        qdict_put(dict, "unaccepted_table", table_report(guest));
    }
    return dict;
}
