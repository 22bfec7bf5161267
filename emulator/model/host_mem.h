/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a guest as its hypervisor sees it, on either platform: where RAM
 * is, which pages are private or shared, how they are backed. The models' own
 * (snp*.c, tdx*.c); embedders do not see it.
 */
#ifndef ACCEPTLAB_HOST_MEM_H
#define ACCEPTLAB_HOST_MEM_H

#include <stdint.h>

#include "access.h"
#include "attr.h"
#include "ops.h"
#include "page_run.h"
#include "ram.h"

#define UNIT_MASK (~(MODEL_UNIT_SIZE - 1))
#define PAGE_MASK (~(MODEL_PAGE_SIZE - 1))
/* an honest host needs two rounds at most: assign (AUG), then split (DEMOTE) */
#define HOST_ROUNDS_MAX 8

struct host_mem {
	struct model_ops ops;
	struct ram_map ram;
	struct page_attr attr;
	uint64_t top;		/* end of guest-physical memory */
	uint8_t backing_4k;
	uint8_t assign_advance;
	uint8_t other_memory;	/* a converted page is backed by other memory than before */
	uint8_t implicit;	/* converts a page at an access of the other kind */
};

/* Length of the part of [gpa, end) that lies in gpa's unit */
static inline uint64_t host_mem_in_unit(uint64_t gpa, uint64_t end)
{
	uint64_t unit_end = (gpa & UNIT_MASK) + MODEL_UNIT_SIZE;

	return (end < unit_end ? end : unit_end) - gpa;
}

/* 1 if [gpa, gpa + size) is whole pages of RAM, at least one */
int host_mem_has_pages(const struct host_mem *mem, uint64_t gpa, uint64_t size);
/* 1 if every page that [gpa, gpa + size) covers is shared RAM */
int host_mem_is_shared(const struct host_mem *mem, uint64_t gpa, uint64_t size);
/* May the unit of gpa be backed by one 2M page? */
int host_mem_unit_2m(const struct host_mem *mem, uint64_t gpa);
/* The host's opinion of pages in one unit; private: only what it had as shared loses access */
void host_mem_set_shared(struct host_mem *mem, uint64_t gpa, uint64_t size);
void host_mem_set_private(struct host_mem *mem, uint64_t gpa, uint64_t size);

/*
 * Next private stretch at or above *at and below end: its start in *from, the
 * byte after it in *at; 0 if there is none.
 */
int host_mem_next_private(const struct host_mem *mem, uint64_t *at, uint64_t end,
			  uint64_t *from);

/* What the platforms do differently; vm: struct snp_vm, struct tdx_vm */
struct host_mem_platform {
	/* State of the page at gpa; in *length how far (below end, in its unit) it surely reaches */
	enum page_state (*state_from)(const void *vm, uint64_t gpa, uint64_t end,
				      uint64_t *length);
	/* Private pages in one unit become assigned and accepted; -1: one of them is not free */
	int (*launch)(void *vm, uint64_t gpa, uint64_t size);
	/* Pages in one unit, none of them assigned, become shared */
	void (*share)(void *vm, uint64_t gpa, uint64_t size);
	/* What the host has given the guest of a unit is the host's again, without an event */
	void (*drop)(void *vm, uint64_t gpa);
	/* Assigns the private page at gpa, with its unit where that can be; bytes that were */
	uint64_t (*assign)(void *vm, uint64_t gpa);
};

/* snp_vm_next_run(), tdx_vm_next_run() */
int host_mem_next_run(const struct host_mem *mem, uint64_t *cursor, struct page_run *run,
		      const struct host_mem_platform *platform, const void *vm);
/* snp_vm_launch(), tdx_vm_launch(); *accepted: bytes, counted up */
int host_mem_launch(const struct host_mem *mem, uint64_t gpa, uint64_t size, uint64_t *accepted,
		    const struct host_mem_platform *platform, void *vm);
/* snp_vm_share(), tdx_vm_share() */
int host_mem_share(const struct host_mem *mem, uint64_t gpa, uint64_t size,
		   const struct host_mem_platform *platform, void *vm);
/* With assign_advance: assigns all private memory that the guest does not own yet */
void host_mem_start(const struct host_mem *mem, const struct host_mem_platform *platform, void *vm);
/*
 * snp_vm_plug(), tdx_vm_plug() and their unplug: whole units. *accepted: bytes, counted down at
 * an unplug, and up by what the host kept (an attack) at a plug.
 */
int host_mem_plug(struct host_mem *mem, uint64_t gpa, uint64_t size, uint64_t *accepted,
		  const struct host_mem_platform *platform, void *vm);
int host_mem_unplug(struct host_mem *mem, uint64_t gpa, uint64_t size, int keep,
		    uint64_t *accepted, const struct host_mem_platform *platform, void *vm);
/* In words whose the page is; private: what an enum page_state is called on the platform */
const char *host_mem_owner(const struct host_mem *mem, uint64_t gpa, enum page_state state,
			   const char *const private[3]);

void host_mem_event(const struct host_mem *mem, unsigned int vcpu, enum event_kind kind,
		    uint64_t gpa, uint64_t size, uint64_t result, uint64_t detail);
void host_mem_lost_access(const struct host_mem *mem, uint64_t gpa, uint64_t size);

/* What is done to one page: bytes it was done to, 0 (not done), the page or its whole unit */
typedef uint64_t host_mem_act_fn(void *host, uint64_t page);
/* Acts on each page of a range in one unit, one event per run of pages for which it was done */
void host_mem_for_pages(const struct host_mem *mem, unsigned int vcpu, enum event_kind kind,
			uint64_t gpa, uint64_t size, host_mem_act_fn *act, void *host);

#endif
