/* SPDX-License-Identifier: GPL-2.0-only */
/* From QEMU's machine to its confidential guest. */
#include "qemu/osdep.h"
#include "hw/boards.h"
#include "cpu.h"
#include "guest.h"

EmulatedGuest *emulated_guest_of_machine(void)
{
    return (EmulatedGuest *)object_dynamic_cast(
        OBJECT(MACHINE(qdev_get_machine())->cgs), TYPE_EMULATED_GUEST);
}
