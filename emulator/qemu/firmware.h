/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real firmware instead of a boot handoff: its image, the kernel's first
 * instruction, and what firmware says of memory when the kernel takes over.
 */
#ifndef ACCEPTLAB_FIRMWARE_H
#define ACCEPTLAB_FIRMWARE_H

#include "guest.h"

/* Puts RAM where the image and the handoff want it, and the machine has none. */
void firmware_map(EmulatedGuest *guest);

/* A vCPU fetches from a page, and no kernel has taken over yet. */
void firmware_note_fetch(EmulatedCpu *cpu, vaddr gva, hwaddr gpa);

/* Whether gpa is memory that firmware uses beside a kernel, its code for idle
 * vCPUs and run-time services included. False before a kernel takes over. */
bool firmware_owns(hwaddr gpa);

/* What was seen when the kernel took over. */
QDict *firmware_report(EmulatedGuest *guest);

#endif
