/* SPDX-License-Identifier: GPL-2.0-only */
/* The chipset of a machine whose kernel is entered without firmware. */
#ifndef ACCEPTLAB_CHIPSET_H
#define ACCEPTLAB_CHIPSET_H

/* I/O port of the power management registers: toolkit/firmware/acpi.py */
#define CHIPSET_PM 0x600

/* Masks the interrupt controllers of the PC, and sets up what a q35's ACPI tables promise. */
void chipset_begin(void);

#endif
