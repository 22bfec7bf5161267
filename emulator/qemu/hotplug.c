/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that comes and goes while the guest runs (see hotplug.h). */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "hw/acpi/acpi_dev_interface.h"
#include "hw/boards.h"
#include "hw/i386/x86.h"
#include "exec/address-spaces.h"
#include "exec/memory.h"
#include "guest.h"
#include "hotplug.h"
#include "memory-slots.h"
#include "names.h"

#define STEPS_MAX 64

/* Registers of a slot, 32 bits each: toolkit/firmware/memory_devices.py */
#define REGISTERS_BASE 0xfea10000ULL
#define SLOT_REGISTERS 16
#define SLOT_PRESENT 0      /* read: 1 while the memory is there */
#define SLOT_NOTIFY 4       /* read: what to notify the OS of, once */
#define SLOT_EJECT 8        /* write: the guest gave the memory up */

/* ACPI 6.5, table 5.138: device object notification values */
#define NOTIFY_DEVICE_CHECK 1
#define NOTIFY_EJECT_REQUEST 3

#define WHEN_LATER (-1)

enum act {
    ACT_ADD, ACT_REMOVE, ACT_IGNORE, ACT_KEEP, ACT_SWAP, ACT_RESIZE, ACTS
};

static const char *const act_names[ACTS] = {
    "add", "remove", "ignore", "keep", "swap", "resize"
};

typedef struct Step {
    EmulatedGuest *guest;
    QEMUTimer *timer;
    int when;               /* enum stage, or WHEN_LATER */
    int64_t delay;          /* ns behind the step before */
    enum act act;
    unsigned slot;
    uint64_t size;          /* of ACT_RESIZE, bytes */
    char *text;             /* as the hotplug file has it */
    bool due;
    bool took_place;
} Step;

/* An ACPI memory device, as its registers show it */
typedef struct Device {
    MemorySlot *slot;
    uint32_t notify;
    bool present;           /* as the host reports it */
} Device;

static Step steps[STEPS_MAX];
static unsigned step_count;
static Device devices[MEMORY_SLOTS_MAX];
static unsigned slot_count;
static MemoryRegion registers;

static bool read_when(Step *step, const char *word)
{
    uint64_t delay;
    int stage;

    if (word[0] == '+') {
        step->when = WHEN_LATER;
        step->delay = 0;
        if (!step_count || qemu_strtou64(word + 1, NULL, 10, &delay) ||
            delay > INT64_MAX) {
            return false;
        }
        step->delay = delay;
        return true;
    }
    for (stage = STAGE_DECOMPRESSOR; stage <= STAGE_SECOND_USERSPACE;
         stage++) {
        if (g_str_equal(word, stage_name(stage))) {
            step->when = stage;
            return true;
        }
    }
    return false;
}

static bool read_line(const char *line)
{
    g_auto(GStrv) word = g_strsplit(line, " ", -1);
    Step step = { .act = ACTS };
    uint64_t slot;
    unsigned i, words = g_strv_length(word);

    if (words < 3 || words > 4 || step_count == STEPS_MAX ||
        !read_when(&step, word[0]) ||
        qemu_strtou64(word[2], NULL, 10, &slot) || slot >= MEMORY_SLOTS_MAX) {
        return false;
    }
    for (i = 0; i < ACTS; i++) {
        if (g_str_equal(word[1], act_names[i])) {
            step.act = i;
        }
    }
    if ((step.act == ACT_RESIZE) != (words == 4) ||
        (words == 4 && qemu_strtou64(word[3], NULL, 10, &step.size))) {
        return false;
    }
    step.slot = slot;
    step.text = g_strdup(line);
    steps[step_count++] = step;
    return step.act != ACTS;
}

bool hotplug_read(const char *path, Error **errp)
{
    g_autofree char *content = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned i;

    if (!g_file_get_contents(path, &content, NULL, &error)) {
        error_setg(errp, "hotplug: %s", error->message);
        return false;
    }
    lines = g_strsplit(content, "\n", -1);
    for (i = 0; lines[i]; i++) {
        if (*g_strstrip(lines[i]) && !read_line(lines[i])) {
            error_setg(errp, "hotplug: %s:%u: cannot use '%s' (WHEN ACT SLOT [SIZE])",
                       path, i + 1, lines[i]);
            return false;
        }
    }
    return true;
}

/* ---- the host's acts ------------------------------------------------------- */

static void notify(Device *device, uint32_t value)
{
    HotplugHandler *ged = X86_MACHINE(qdev_get_machine())->acpi_dev;

    device->notify = value;
    acpi_send_event(DEVICE(ged), ACPI_MEMORY_HOTPLUG_STATUS);
}

static bool add(EmulatedGuest *guest, Device *device)
{
    MemorySlot *slot = device->slot;

    if (device->present ||
        !memory_slot_plug(guest, slot, slot->start, slot->size)) {
        return false;
    }
    device->present = true;
    notify(device, NOTIFY_DEVICE_CHECK);
    return true;
}

/* The guest has ejected the memory: the _EJ0 of its device. */
static void eject(EmulatedGuest *guest, Device *device)
{
    MemorySlot *slot = device->slot;

    if (device->present &&
        memory_slot_unplug(guest, slot, slot->start, slot->size)) {
        device->present = false;
    }
}

static bool carry_out(EmulatedGuest *guest, const Step *step)
{
    Device *device = &devices[step->slot];
    MemorySlot *slot = device->slot;

    switch (step->act) {
    case ACT_ADD:
        return add(guest, device);
    case ACT_REMOVE:
        if (device->present) {
            notify(device, NOTIFY_EJECT_REQUEST);
        }
        return device->present;
    case ACT_IGNORE:
        return slot->ignores = true;
    case ACT_KEEP:
        return slot->keeps = true;
    case ACT_SWAP:
        return slot->swaps = true;
    case ACT_RESIZE:
        if (slot->resize) {
            slot->resize(slot->resizer, step->size);
        }
        return slot->resize;
    case ACTS:
        break;
    }
    g_assert_not_reached();
}

static void on_time(void *opaque)
{
    Step *step = opaque, *next = step + 1;

    step->took_place = carry_out(step->guest, step);
    if (next < steps + step_count && next->when == WHEN_LATER) {
        timer_mod(next->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                               next->delay);
    }
}

/* The time is not known in the middle of a block. */
static void set_timers(CPUState *cs, run_on_cpu_data unused)
{
    unsigned i;

    for (i = 0; i < step_count; i++) {
        if (qatomic_xchg(&steps[i].due, false)) {
            timer_mod(steps[i].timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL));
        }
    }
}

void hotplug_note(EmulatedGuest *guest, const struct acc_event *event)
{
    bool due = false;
    unsigned i;

    memory_slots_note(guest, event);
    if (event->kind != EVENT_STAGE) {
        return;
    }
    for (i = 0; i < step_count; i++) {
        if (event->detail == (uint64_t)steps[i].when) {
            qatomic_set(&steps[i].due, true);
            due = true;
        }
    }
    if (due) {
        async_run_on_cpu(emulated_cpu_running(guest)->cs, set_timers,
                         RUN_ON_CPU_NULL);
    }
}

/* ---- the devices' registers -------------------------------------------------- */

static uint64_t read_register(void *opaque, hwaddr at, unsigned size)
{
    Device *device = &devices[at / SLOT_REGISTERS];
    uint32_t value = 0;

    if (at % SLOT_REGISTERS == SLOT_PRESENT) {
        value = device->present;
    } else if (at % SLOT_REGISTERS == SLOT_NOTIFY) {
        value = device->notify;
        device->notify = 0;
    }
    return value;
}

static void write_register(void *opaque, hwaddr at, uint64_t value,
                           unsigned size)
{
    if (at % SLOT_REGISTERS == SLOT_EJECT) {
        eject(opaque, &devices[at / SLOT_REGISTERS]);
    }
}

static const MemoryRegionOps register_ops = {
    .read = read_register,
    .write = write_register,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 4 },
};

void hotplug_begin(EmulatedGuest *guest)
{
    unsigned i;

    slot_count = memory_slots_begin(guest);
    for (i = 0; i < MEMORY_SLOTS_MAX; i++) {
        devices[i].slot = memory_slot(i);
    }
    for (i = 0; i < step_count; i++) {
        if (steps[i].slot >= slot_count) {
            error_setg(&error_fatal, "hotplug: '%s': the handoff has %u slots",
                       steps[i].text, slot_count);
        }
        steps[i].guest = guest;
        steps[i].timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, on_time, &steps[i]);
    }
    if (!slot_count) {
        return;
    }
    memory_region_init_io(&registers, OBJECT(guest), &register_ops, guest,
                          "memory-devices", MEMORY_SLOTS_MAX * SLOT_REGISTERS);
    memory_region_add_subregion(get_system_memory(), REGISTERS_BASE,
                                &registers);
}

/* A malicious host's other page was given only when the guest had accepted it. */
static bool took_place(const Step *step)
{
    return step->act == ACT_SWAP ? memory_slot(step->slot)->swap == SWAP_DONE :
                                   step->took_place;
}

QList *hotplug_report(void)
{
    QList *list = qlist_new();
    unsigned i;

    for (i = 0; i < step_count; i++) {
        QDict *dict = qdict_new();

        qdict_put_str(dict, "text", steps[i].text);
        qdict_put_bool(dict, "took_place", took_place(&steps[i]));
        qlist_append(list, dict);
    }
    return list;
}
