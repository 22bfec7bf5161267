/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What firmware sets up in q35's chipset before a kernel starts, for a boot handoff
 * that no firmware made (see chipset.h). Registers: Intel ICH9 datasheet, 13.1.
 */
#include "qemu/osdep.h"
#include "hw/pci/pci_device.h"
#include "chipset.h"

#define TYPE_LPC "ICH9-LPC"     /* QEMU include/hw/southbridge/ich9.h */
#define PMBASE 0x40
#define PMBASE_IO 1
#define ACPI_CNTL 0x44
#define ACPI_EN 0x80

void chipset_begin(void)
{
    Object *lpc = object_resolve_path_type("", TYPE_LPC, NULL);
    PCIDevice *device = lpc ? PCI_DEVICE(lpc) : NULL;

    if (device) {
        device->config_write(device, PMBASE, CHIPSET_PM | PMBASE_IO, 4);
        device->config_write(device, ACPI_CNTL, ACPI_EN, 1);
    }
}
