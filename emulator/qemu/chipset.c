/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What firmware sets up in the chipset before a kernel starts, for a boot handoff that no firmware made (see chipset.h).
 * Registers: Intel ICH9 datasheet, 13.1 (power management) and 13.4 (interrupt controllers).
 */
#include "qemu/osdep.h"
#include "exec/ioport.h"
#include "hw/pci/pci_device.h"
#include "chipset.h"

#define TYPE_LPC "ICH9-LPC"     /* QEMU include/hw/southbridge/ich9.h */
#define PMBASE 0x40
#define PMBASE_IO 1
#define ACPI_CNTL 0x44
#define ACPI_EN 0x80
#define PIC_MASKS { 0x21, 0xa1 }

/* As EDK2 does (UefiPayloadPkg/UefiPayloadEntry): a kernel whose MADT names no PIC programs none, and must not hear from it. */
static void mask_interrupt_controllers(void)
{
    static const uint32_t ports[] = PIC_MASKS;

    for (int i = 0; i < ARRAY_SIZE(ports); i++) {
        cpu_outb(ports[i], 0xff);
    }
}

void chipset_begin(void)
{
    Object *lpc = object_resolve_path_type("", TYPE_LPC, NULL);
    PCIDevice *device = lpc ? PCI_DEVICE(lpc) : NULL;

    mask_interrupt_controllers();
    if (device) {
        device->config_write(device, PMBASE, CHIPSET_PM | PMBASE_IO, 4);
        device->config_write(device, ACPI_CNTL, ACPI_EN, 1);
    }
}
