/* SPDX-License-Identifier: GPL-2.0-only */
/* Instructions that write to what they read. */
#ifndef ACCEPTLAB_RMW_H
#define ACCEPTLAB_RMW_H

#include "guest.h"

#define INSN_MAX 15     /* bytes of the longest instruction (SDM Vol 2A 2.3.11) */

/* As much of the instruction at retaddr as is mapped; returns its size. */
size_t guest_instruction(EmulatedCpu *cpu, uintptr_t retaddr, uint8_t *insn);

/*
 * Whether a refused data read is the first half of a read-modify-write. To
 * hardware that is one access, a write (SDM Vol 3C 28.2.1: such an EPT
 * violation sets bit 1), while TCG loads first.
 */
bool guest_access_modifies(EmulatedCpu *cpu, const GuestAccess *access);

#endif
