/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of event kinds and stages, as files and reports have them. */
#ifndef ACCEPTLAB_NAMES_H
#define ACCEPTLAB_NAMES_H

#include "model/event.h"

/* As analysis/schema.py labels it: "dma-refused" for dma_refused; "?" where
 * there is no such kind. The caller frees it. */
char *event_kind_name(uint8_t kind);

const char *stage_name(enum stage stage);

#endif
