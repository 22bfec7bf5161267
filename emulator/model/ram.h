/* SPDX-License-Identifier: GPL-2.0-only */
/* Which guest-physical addresses are RAM: a short sorted list of ranges. */
#ifndef ACCEPTLAB_RAM_H
#define ACCEPTLAB_RAM_H

#include <stdint.h>

#define RAM_RANGES_MAX 128

struct ram_range {
	uint64_t start;		/* page aligned */
	uint64_t end;		/* first byte after it */
};

struct ram_map {
	uint32_t count;
	struct ram_range range[RAM_RANGES_MAX];
};

/*
 * Adds [start, start + size); adjacent ranges are merged. Returns 0, or -1 if
 * it is empty, not page aligned, overlaps RAM, ends above top or is one too many.
 */
int ram_add(struct ram_map *ram, uint64_t start, uint64_t size, uint64_t top);
/*
 * Takes [start, start + size) out again. Returns 0, or -1 if it is empty, not page
 * aligned, not all RAM, or if its removal leaves one range too many.
 */
int ram_remove(struct ram_map *ram, uint64_t start, uint64_t size);
/* 1 if all of [start, start + size) is RAM */
int ram_contains(const struct ram_map *ram, uint64_t start, uint64_t size);
/*
 * First page of RAM at or above gpa and below end in *start, and the end of that
 * stretch in *stop; 0 if there is none.
 */
int ram_next(const struct ram_map *ram, uint64_t gpa, uint64_t end,
	     uint64_t *start, uint64_t *stop);

#endif
