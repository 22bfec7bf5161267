/* SPDX-License-Identifier: GPL-2.0-only */
#include "ram.h"

#include <string.h>

#include "access.h"

int ram_add(struct ram_map *ram, uint64_t start, uint64_t size, uint64_t top)
{
	uint32_t at;

	if (!size || (start | size) % MODEL_PAGE_SIZE || size > top ||
	    start > top - size)
		return -1;
	for (at = 0; at < ram->count && ram->range[at].start < start; at++)
		;
	if (at && ram->range[at - 1].end > start)
		return -1;
	if (at < ram->count && ram->range[at].start < start + size)
		return -1;
	if (at && ram->range[at - 1].end == start) {
		at--;
		ram->range[at].end = start + size;
	} else {
		if (ram->count == RAM_RANGES_MAX)
			return -1;
		memmove(&ram->range[at + 1], &ram->range[at],
			(ram->count - at) * sizeof(ram->range[0]));
		ram->range[at] = (struct ram_range){ start, start + size };
		ram->count++;
	}
	if (at + 1 < ram->count && ram->range[at].end == ram->range[at + 1].start) {
		ram->range[at].end = ram->range[at + 1].end;
		ram->count--;
		memmove(&ram->range[at + 1], &ram->range[at + 2],
			(ram->count - at - 1) * sizeof(ram->range[0]));
	}
	return 0;
}

/* index of the first range that ends above gpa */
static uint32_t ram_find(const struct ram_map *ram, uint64_t gpa)
{
	uint32_t low = 0, high = ram->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (ram->range[middle].end > gpa)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

int ram_remove(struct ram_map *ram, uint64_t start, uint64_t size)
{
	uint32_t at = ram_find(ram, start);
	struct ram_range *range = &ram->range[at];
	uint64_t end = start + size;

	if (!size || (start | size) % MODEL_PAGE_SIZE || !ram_contains(ram, start, size))
		return -1;
	if (range->start < start && end < range->end) {
		if (ram->count == RAM_RANGES_MAX)
			return -1;
		memmove(range + 1, range, (ram->count - at) * sizeof(*range));
		ram->count++;
		range->end = start;
		range[1].start = end;
	} else if (range->start < start) {
		range->end = start;
	} else if (end < range->end) {
		range->start = end;
	} else {
		ram->count--;
		memmove(range, range + 1, (ram->count - at) * sizeof(*range));
	}
	return 0;
}

int ram_contains(const struct ram_map *ram, uint64_t start, uint64_t size)
{
	uint32_t at = ram_find(ram, start);

	return at < ram->count && ram->range[at].start <= start &&
	       size <= ram->range[at].end - start;
}

int ram_next(const struct ram_map *ram, uint64_t gpa, uint64_t end,
	     uint64_t *start, uint64_t *stop)
{
	uint32_t at = ram_find(ram, gpa);

	if (at == ram->count)
		return 0;
	*start = ram->range[at].start > gpa ? ram->range[at].start : gpa;
	*stop = ram->range[at].end < end ? ram->range[at].end : end;
	return *start < *stop;
}
