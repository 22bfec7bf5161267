/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of guest functions as events, with no help from the guest. */
#ifndef ACCEPTLAB_PROBES_H
#define ACCEPTLAB_PROBES_H

#include "qapi/error.h"

/* Reads the probes file: `NAME LINK_ADDRESS` per line. */
bool probes_read(const char *path, Error **errp);

/* The kernel is there and runs kaslr_offset above its link address. */
void probes_arm(uint64_t kaslr_offset);

/* Another kernel comes, whose functions lie elsewhere. */
void probes_disarm(void);

#endif
