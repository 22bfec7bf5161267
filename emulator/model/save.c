/* SPDX-License-Identifier: GPL-2.0-only */
#include "save.h"

#include <string.h>

#define CHUNK 4096u
/* Where the next chunk would be, behind the last one */
#define NO_CHUNK UINT64_MAX

int save_same(const struct model_stream *stream, uint64_t value)
{
	uint64_t there = value;

	return SAVE_FIELD(stream, there) || there != value ? -1 : 0;
}

static size_t chunk_size(uint64_t at, uint64_t size)
{
	return size - at < CHUNK ? size - at : CHUNK;
}

static int is_zero(const uint8_t *bytes, size_t size)
{
	return !size || (!bytes[0] && !memcmp(bytes, bytes + 1, size - 1));
}

static int put_table(const struct model_stream *stream, uint8_t *table, uint64_t size)
{
	uint64_t at, end = NO_CHUNK;

	for (at = 0; at < size; at += CHUNK) {
		if (is_zero(table + at, chunk_size(at, size)))
			continue;
		if (SAVE_FIELD(stream, at) || save_bytes(stream, table + at, chunk_size(at, size)))
			return -1;
	}
	return SAVE_FIELD(stream, end);
}

static int get_table(const struct model_stream *stream, uint8_t *table, uint64_t size)
{
	uint64_t at;

	/* Only what has been written: a table takes no memory where nothing was. */
	for (at = 0; at < size; at += CHUNK)
		if (!is_zero(table + at, chunk_size(at, size)))
			memset(table + at, 0, chunk_size(at, size));
	for (;;) {
		if (SAVE_FIELD(stream, at))
			return -1;
		if (at == NO_CHUNK)
			return 0;
		if (at >= size || at % CHUNK ||
		    save_bytes(stream, table + at, chunk_size(at, size)))
			return -1;
	}
}

int save_table(const struct model_stream *stream, void *table, uint64_t size)
{
	return stream->loads ? get_table(stream, table, size) : put_table(stream, table, size);
}

int save_host_mem(const struct model_stream *stream, struct host_mem *mem, uint64_t units)
{
	if (save_same(stream, units) || save_same(stream, mem->top) ||
	    save_same(stream, mem->backing_4k) || save_same(stream, mem->assign_advance) ||
	    save_same(stream, mem->implicit) || save_same(stream, mem->other_memory) ||
	    SAVE_FIELD(stream, mem->ram) || mem->ram.count > RAM_RANGES_MAX)
		return -1;
	return save_table(stream, mem->attr.unit, units) ||
	       save_table(stream, mem->attr.page, units * MODEL_UNIT_PAGES / 8) ? -1 : 0;
}
