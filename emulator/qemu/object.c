/* SPDX-License-Identifier: GPL-2.0-only */
/* The abstract guest object and its properties. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qom/object_interfaces.h"
#include "cpu.h"
#include "guest.h"

#define STRING_PROPERTY(name, field)                                        \
    static char *get_##field(Object *obj, Error **errp)                     \
    {                                                                       \
        return g_strdup(EMULATED_GUEST(obj)->field);                        \
    }                                                                       \
    static void set_##field(Object *obj, const char *value, Error **errp)   \
    {                                                                       \
        g_free(EMULATED_GUEST(obj)->field);                                 \
        EMULATED_GUEST(obj)->field = g_strdup(value);                       \
    }

STRING_PROPERTY("handoff", handoff_file)
STRING_PROPERTY("events", events_file)
STRING_PROPERTY("report", report_file)
STRING_PROPERTY("snapshots", snapshots_dir)
STRING_PROPERTY("probes", probes_file)
STRING_PROPERTY("skip-list", skip_list_file)
STRING_PROPERTY("attacks", attacks_file)
STRING_PROPERTY("hotplug", hotplug_file)
STRING_PROPERTY("schedule", schedule)
STRING_PROPERTY("halt-at", halt_at)
STRING_PROPERTY("peek", peek)

static char *get_backing(Object *obj, Error **errp)
{
    return g_strdup(EMULATED_GUEST(obj)->backing_4k ? "4K" : "2M");
}

static void set_backing(Object *obj, const char *value, Error **errp)
{
    if (strcmp(value, "4K") && strcmp(value, "2M")) {
        error_setg(errp, "host-backing is 2M or 4K, not '%s'", value);
        return;
    }
    EMULATED_GUEST(obj)->backing_4k = !strcmp(value, "4K");
}

static char *get_assign(Object *obj, Error **errp)
{
    return g_strdup(EMULATED_GUEST(obj)->assign_in_advance ? "advance"
                                                           : "demand");
}

static void set_assign(Object *obj, const char *value, Error **errp)
{
    if (strcmp(value, "demand") && strcmp(value, "advance")) {
        error_setg(errp, "host-assign is demand or advance, not '%s'", value);
        return;
    }
    EMULATED_GUEST(obj)->assign_in_advance = !strcmp(value, "advance");
}

static bool get_in_place(Object *obj, Error **errp)
{
    return EMULATED_GUEST(obj)->convert_in_place;
}

static void set_in_place(Object *obj, bool value, Error **errp)
{
    EMULATED_GUEST(obj)->convert_in_place = value;
}

static bool get_implicit(Object *obj, Error **errp)
{
    return EMULATED_GUEST(obj)->convert_implicitly;
}

static void set_implicit(Object *obj, bool value, Error **errp)
{
    EMULATED_GUEST(obj)->convert_implicitly = value;
}

static bool get_hold(Object *obj, Error **errp)
{
    return EMULATED_GUEST(obj)->hold;
}

static void set_hold(Object *obj, bool value, Error **errp)
{
    EMULATED_GUEST(obj)->hold = value;
}

static bool get_halt_pause(Object *obj, Error **errp)
{
    return EMULATED_GUEST(obj)->halt_pause;
}

static void set_halt_pause(Object *obj, bool value, Error **errp)
{
    EMULATED_GUEST(obj)->halt_pause = value;
}

static void add_string(ObjectClass *oc, const char *name,
                       char *(*get)(Object *, Error **),
                       void (*set)(Object *, const char *, Error **),
                       const char *description)
{
    object_class_property_add_str(oc, name, get, set);
    object_class_property_set_description(oc, name, description);
}

static void emulated_guest_class_init(ObjectClass *oc, void *data)
{
    USER_CREATABLE_CLASS(oc)->complete = emulated_guest_complete;
    add_string(oc, "handoff", get_handoff_file, set_handoff_file,
               "file that describes memory and vCPUs at the first instruction");
    add_string(oc, "events", get_events_file, set_events_file,
               "file for the event stream; without it events are off");
    add_string(oc, "report", get_report_file, set_report_file,
               "file for the report that is written when the guest ends");
    add_string(oc, "snapshots", get_snapshots_dir, set_snapshots_dir,
               "folder for snapshots of the unaccepted bitmap and page states");
    add_string(oc, "probes", get_probes_file, set_probes_file,
               "file with the guest functions whose calls are events");
    add_string(oc, "skip-list", get_skip_list_file, set_skip_list_file,
               "file with the kernel's text, functions to skip as callers, and panic()");
    add_string(oc, "attacks", get_attacks_file, set_attacks_file,
               "file with malicious actions of the host and their moments");
    add_string(oc, "hotplug", get_hotplug_file, set_hotplug_file,
               "file with what memory the host plugs and when (hotplug.h)");
    add_string(oc, "schedule", get_schedule, set_schedule,
               "order in which vCPUs take turns (schedule.h)");
    add_string(oc, "halt-at", get_halt_at, set_halt_at,
               "moment at which the guest is halted (halt.h)");
    add_string(oc, "peek", get_peek, set_peek,
               "link-time addresses in the first kernel, divided by colons:"
               " the report has the 8 bytes at each");
    object_class_property_add_bool(oc, "halt-pause", get_halt_pause,
                                   set_halt_pause);
    object_class_property_set_description(oc, "halt-pause",
        "the halt pauses the machine, for a debugger, and does not end the run");
    add_string(oc, "host-backing", get_backing, set_backing,
               "size of the host's pages behind guest memory: 2M or 4K");
    add_string(oc, "host-assign", get_assign, set_assign,
               "when the host assigns pages to the guest: demand or advance");
    object_class_property_add_bool(oc, "host-in-place", get_in_place,
                                   set_in_place);
    object_class_property_set_description(oc, "host-in-place",
        "pages keep their content when the host converts them");
    object_class_property_add_bool(oc, "host-implicit", get_implicit,
                                   set_implicit);
    object_class_property_set_description(oc, "host-implicit",
        "the host converts a page at an access of the other kind");
    object_class_property_add_bool(oc, "hold", get_hold, set_hold);
    object_class_property_set_description(oc, "hold",
        "stop before the first event until SIGCONT, so that a tracer can attach");
}

static const TypeInfo emulated_guest_type = {
    .parent = TYPE_CONFIDENTIAL_GUEST_SUPPORT,
    .name = TYPE_EMULATED_GUEST,
    .instance_size = sizeof(EmulatedGuest),
    .class_size = sizeof(EmulatedGuestClass),
    .class_init = emulated_guest_class_init,
    .abstract = true,
    .interfaces = (InterfaceInfo[]) { { TYPE_USER_CREATABLE }, { } },
};

static void register_types(void)
{
    type_register_static(&emulated_guest_type);
}

type_init(register_types);
