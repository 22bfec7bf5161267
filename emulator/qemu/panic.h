/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a kernel that panicked and cannot end itself. */
#ifndef ACCEPTLAB_PANIC_H
#define ACCEPTLAB_PANIC_H

struct EmulatedCpu;

/* The kernel is there; link_address: of its panic(), 0 where not known. */
void panic_arm(uint64_t link_address, uint64_t kaslr_offset);

/* Another kernel comes: the panic was to start it, or is that one's matter. */
void panic_disarm(void);

bool panic_is_at(uint64_t pc);

/* The vCPU is about to execute panic(). */
void panic_begins(struct EmulatedCpu *cpu);

#endif
