/* SPDX-License-Identifier: GPL-2.0-only */
/* The last lines of the guest's printk ring, also if no console showed them. */
#ifndef ACCEPTLAB_PRINTK_H
#define ACCEPTLAB_PRINTK_H

#include "compat.h"

struct EmulatedCpu;

/* The newest max records as strings, oldest first; empty where none is found. */
QList *printk_tail(struct EmulatedCpu *cpu, unsigned max);

#endif
