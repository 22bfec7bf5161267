/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx_host.h"

#include "attack.h"

uint64_t tdx_host_assign(struct tdx_host *host, uint64_t gpa, unsigned int level)
{
	uint64_t unit = gpa & UNIT_MASK, page = gpa & PAGE_MASK;

	if (level >= SEPT_2M && host_mem_unit_2m(&host->mem, gpa) &&
	    sept_page_aug(&host->sept, unit, SEPT_2M, unit) == TDX_SUCCESS)
		return MODEL_UNIT_SIZE;
	sept_sept_add(&host->sept, unit);
	return sept_page_aug(&host->sept, page, SEPT_4K, page) == TDX_SUCCESS ?
		       MODEL_PAGE_SIZE : 0;
}

void tdx_host_split(struct tdx_host *host, unsigned int vcpu, uint64_t gpa)
{
	uint64_t unit = gpa & UNIT_MASK;
	unsigned int level;
	enum sept_state state = sept_walk(&host->sept, unit, &level);

	if (level != SEPT_2M || state == SEPT_FREE || state == SEPT_NL_BLOCKED)
		return;
	sept_range_block(&host->sept, unit, SEPT_2M);
	sept_track(&host->sept);
	if (sept_page_demote(&host->sept, unit) == TDX_SUCCESS)
		host_mem_event(&host->mem, vcpu, EVENT_SPLIT, unit, MODEL_UNIT_SIZE, 0, 0);
}

int tdx_host_remove(struct tdx_host *host, uint64_t gpa, unsigned int level)
{
	sept_range_block(&host->sept, gpa, level);
	sept_track(&host->sept);
	return sept_page_remove(&host->sept, gpa, level) == TDX_SUCCESS ? 0 : -1;
}

/* The level for the AUG: what an ACCEPT asks for, else as large as it gets */
static unsigned int wanted_level(uint64_t exit_info)
{
	if ((exit_info & 0xffffffff) != TDX_EEQ_ACCEPT)
		return SEPT_2M;
	return exit_info >> 32 & 7;
}

int tdx_host_fault(struct tdx_host *host, unsigned int vcpu, uint64_t gpa, uint64_t exit_info)
{
	unsigned int level;
	enum sept_state state;
	uint64_t size;

	if (!ram_contains(&host->mem.ram, gpa & PAGE_MASK, MODEL_PAGE_SIZE))
		return STOP_NOT_RAM;
	if (attr_is_shared(&host->mem.attr, gpa))
		return STOP_NOT_ASSIGNED;
	state = sept_walk(&host->sept, gpa, &level);
	if (state == SEPT_FREE) {
		size = tdx_host_assign(host, gpa, wanted_level(exit_info));
		if (!size)
			return STOP_NO_PROGRESS;
		host_mem_event(&host->mem, vcpu, EVENT_ASSIGN, gpa & ~(size - 1), size, 0, 0);
		return STOP_NONE;
	}
	if ((exit_info & 0xffffffff) == TDX_EEQ_PENDING)
		return STOP_PENDING;
	/* a 4K accept of a pending 2M page */
	if (state == SEPT_PENDING && level == SEPT_2M) {
		tdx_host_split(host, vcpu, gpa);
		return STOP_NONE;
	}
	return STOP_BLOCKED;
}

/* Whether a page in [gpa, gpa + size) is accepted, and stays so while it is shared */
static int keeps_in(const struct tdx_host *host, uint64_t gpa, uint64_t size)
{
	unsigned int level;

	return host->keeps && host->kept >= gpa && host->kept - gpa < size &&
	       sept_walk(&host->sept, host->kept, &level) == SEPT_MAPPED;
}

static uint64_t remove_mapped(void *opaque, uint64_t page)
{
	if (keeps_in(opaque, page, MODEL_PAGE_SIZE))
		return 0;
	return tdx_host_remove(opaque, page, SEPT_4K) ? 0 : MODEL_PAGE_SIZE;
}

static void take_back(struct tdx_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	unsigned int level;
	enum sept_state state = sept_walk(&host->sept, gpa, &level);

	if (level == SEPT_2M && state == SEPT_FREE)
		return;
	if (level == SEPT_2M && size == MODEL_UNIT_SIZE && !keeps_in(host, gpa, size)) {
		if (!tdx_host_remove(host, gpa, SEPT_2M))
			host_mem_event(&host->mem, vcpu, EVENT_REMOVE, gpa, size, 0, 0);
		return;
	}
	tdx_host_split(host, vcpu, gpa);
	host_mem_for_pages(&host->mem, vcpu, EVENT_REMOVE, gpa, size, remove_mapped, host);
}

/* What the host and the guest write while it is shared must not show later. */
static void mark_stale(struct tdx_host *host, uint64_t gpa, uint64_t size)
{
	uint64_t page;

	host->sept.unit[gpa / MODEL_UNIT_SIZE].flags |= SEPT_STALE;
	if (size == MODEL_UNIT_SIZE && host->sept.unit[gpa / MODEL_UNIT_SIZE].state == SEPT_FREE)
		return;
	for (page = gpa; page < gpa + size; page += MODEL_PAGE_SIZE)
		host->sept.page[page / MODEL_PAGE_SIZE].flags |= SEPT_STALE;
}

void tdx_host_make_shared(struct tdx_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	take_back(host, vcpu, gpa, size);
	mark_stale(host, gpa, size);
	host_mem_set_shared(&host->mem, gpa, size);
}

void tdx_host_drop(struct tdx_host *host, uint64_t unit)
{
	unsigned int level;
	uint64_t page;

	mark_stale(host, unit, MODEL_UNIT_SIZE);
	sept_walk(&host->sept, unit, &level);
	if (level == SEPT_2M) {
		tdx_host_remove(host, unit, SEPT_2M);
		return;
	}
	for (page = unit; page < unit + MODEL_UNIT_SIZE; page += MODEL_PAGE_SIZE)
		tdx_host_remove(host, page, SEPT_4K);
}

static uint64_t assign_missing(void *opaque, uint64_t page)
{
	struct tdx_host *host = opaque;
	unsigned int level;

	return sept_walk(&host->sept, page, &level) == SEPT_FREE ?
		       tdx_host_assign(host, page, SEPT_2M) : 0;
}

uint64_t tdx_host_make_private(struct tdx_host *host, unsigned int vcpu, uint64_t gpa,
			       uint64_t size)
{
	int kept = keeps_in(host, gpa, size) && attr_is_shared(&host->mem.attr, host->kept);
	uint64_t back = kept ? MODEL_PAGE_SIZE : 0;

	host_mem_set_private(&host->mem, gpa, size);
	if (back)
		host_mem_event(&host->mem, vcpu, EVENT_ATTACK, host->kept, back, 0, ATTACK_KEEP);
	if (host->mem.assign_advance)
		host_mem_for_pages(&host->mem, vcpu, EVENT_ASSIGN, gpa, size, assign_missing, host);
	return back;
}
