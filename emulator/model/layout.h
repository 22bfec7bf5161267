/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the parts of a guest's state lie in the memory that the embedder gives. */
#ifndef ACCEPTLAB_LAYOUT_H
#define ACCEPTLAB_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

/* Room for bytes at *at, which moves on; whole 4K pages, so that parts without an access cost nothing */
static inline size_t layout_place(size_t *at, uint64_t bytes)
{
	size_t start = *at;

	*at += (bytes + 4095) & ~4095ull;
	return start;
}

#endif
