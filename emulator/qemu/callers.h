/* SPDX-License-Identifier: GPL-2.0-only */
/* Who asked for an acceptance: the caller above the kernel's own machinery. */
#ifndef ACCEPTLAB_CALLERS_H
#define ACCEPTLAB_CALLERS_H

#include "qapi/error.h"

struct EmulatedCpu;

/*
 * Reads the machinery file: `text START END` (the kernel's text, link
 * addresses; one line for each part of it) and `skip START END` for each function that only carries out
 * an acceptance and is not its cause, `panic START END` where the kernel ends.
 * Without it the nearest return address counts.
 */
bool callers_read(const char *path, Error **errp);

/* A return address found on the stack of a vCPU that stands at rip, best
 * effort; 0 where none is. */
uint64_t guest_caller(struct EmulatedCpu *cpu, uint64_t rip);

#endif
