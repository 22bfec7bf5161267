/* SPDX-License-Identifier: GPL-2.0-only */
/* How often the guest executed certain functions, by stage: no events. */
#ifndef ACCEPTLAB_COUNTS_H
#define ACCEPTLAB_COUNTS_H

#include "compat.h"
#include "model/event.h"

/* One more function, at a link address. Before the machine runs. */
void counts_add(const char *name, uint64_t linked);

/* In every kernel, or in the first alone */
void counts_set_kernels(bool second);

/*
 * The kernel is mapped at its link addresses plus kaslr_offset from now on.
 * True where there is something to count.
 */
bool counts_begin(bool second, uint64_t kaslr_offset);
void counts_end(void);

/* Whether a counted function begins at the run address pc */
bool counts_at(uint64_t pc);

/* A vCPU is about to execute the instruction at pc. True where a counted
 * function begins there. */
bool counts_executed(uint64_t pc, enum stage stage);

/* A list of objects for the report; NULL where nothing was to be counted */
QList *counts_report(void);

#endif
