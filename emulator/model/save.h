/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a guest's memory as a row of bytes, for an embedder that saves a
 * guest and loads it elsewhere. One function does both, so that a field is loaded
 * if and only if it is saved. There are no addresses in it: tables are saved by
 * their content, and only the parts of them that are not zero.
 */
#ifndef ACCEPTLAB_SAVE_H
#define ACCEPTLAB_SAVE_H

#include <stddef.h>
#include <stdint.h>

#include "host_mem.h"

struct snp_vm;
struct tdx_vm;

struct model_stream {
	void *opaque;
	/* Saves size bytes at data, or loads them there; 0, or -1 where no more can be had */
	int (*bytes)(void *opaque, void *data, size_t size);
	int loads;
};

/*
 * Saves or loads the guest; 0, or -1 where what is loaded is of a guest with another
 * configuration or is damaged: the guest is then not usable. To be loaded into a guest
 * that was made by snp_vm_init() or tdx_vm_init() with the same configuration, whatever
 * became of it since.
 */
int snp_vm_transfer(struct snp_vm *vm, const struct model_stream *stream);
int tdx_vm_transfer(struct tdx_vm *vm, const struct model_stream *stream);

/* --- the parts, for snp_save.c and tdx_save.c ------------------------------------ */

static inline int save_bytes(const struct model_stream *stream, void *data, size_t size)
{
	return stream->bytes(stream->opaque, data, size);
}

#define SAVE_FIELD(stream, field) save_bytes(stream, &(field), sizeof(field))

/* A number that has to be the same where it is loaded */
int save_same(const struct model_stream *stream, uint64_t value);
/* A table that is zero for the most part; size: bytes */
int save_table(const struct model_stream *stream, void *table, uint64_t size);
/* units: of 2M, that the tables have */
int save_host_mem(const struct model_stream *stream, struct host_mem *mem, uint64_t units);

#endif
