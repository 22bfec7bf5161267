/* SPDX-License-Identifier: GPL-2.0-only */
/* The chipset of a q35 that a kernel enters without firmware. */
#ifndef ACCEPTLAB_CHIPSET_H
#define ACCEPTLAB_CHIPSET_H

/* I/O port of the power management registers: toolkit/firmware/acpi.py */
#define CHIPSET_PM 0x600

/* Sets up what the handoff's ACPI tables promise; nothing on another machine. */
void chipset_begin(void);

#endif
