/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a kernel that panicked, or oopses without end, and cannot end itself. */
#ifndef ACCEPTLAB_PANIC_H
#define ACCEPTLAB_PANIC_H

#include "model/event.h"

struct EmulatedGuest;

/*
 * Observer of events (events.h): panic() and oops_enter() are watched from the kernel's first
 * instruction until another kernel starts, which the panic was to start, or
 * which has a panic() of its own.
 */
void panic_note(struct EmulatedGuest *guest, const struct acc_event *event);

#endif
