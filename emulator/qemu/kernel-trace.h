/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the trace of a kernel begins: with the memory that it finds. */
#ifndef ACCEPTLAB_KERNEL_TRACE_H
#define ACCEPTLAB_KERNEL_TRACE_H

#include "guest.h"

/* The boot handoff as events, before the guest runs. */
void kernel_trace_handoff(EmulatedGuest *guest);

/*
 * Firmware is done: its events end, and those of the kernel begin with the
 * page states of this moment. Caller holds guest->lock. Nothing without
 * firmware, or for the second time.
 */
void kernel_trace_begin(EmulatedGuest *guest);

/* The same for a guest that ends before a kernel took over. */
void kernel_trace_without_kernel(EmulatedGuest *guest);

#endif
