/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a kernel that panicked and cannot end itself. */
#ifndef ACCEPTLAB_PANIC_H
#define ACCEPTLAB_PANIC_H

struct EmulatedCpu;

/* The kernel's panic() is at this link address. */
void panic_watch(uint64_t link_address);

/* The kernel is there and runs kaslr_offset above its link address. */
void panic_arm(uint64_t kaslr_offset);

/* Another kernel comes: the panic was to start it, or is that one's matter. */
void panic_disarm(void);

bool panic_is_at(uint64_t pc);

/* The vCPU is about to execute panic(). */
void panic_begins(struct EmulatedCpu *cpu);

#endif
