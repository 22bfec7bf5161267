/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx_host.h"

#define UNIT_MASK (~(MODEL_UNIT_SIZE - 1))
#define PAGE_MASK (~(MODEL_PAGE_SIZE - 1))

void tdx_host_event(const struct tdx_host *host, unsigned int vcpu, enum event_kind kind,
		    uint64_t gpa, uint64_t size, uint64_t result, uint64_t detail)
{
	struct acc_event event = {
		.kind = kind,
		.vcpu = vcpu,
		.gpa = gpa,
		.size = size,
		.result = result,
		.detail = detail,
		.carry = EVENT_NO_CARRY,
	};

	if (host->ops.event)
		host->ops.event(host->ops.opaque, &event);
}

void tdx_host_lost_access(const struct tdx_host *host, uint64_t gpa, uint64_t size)
{
	if (host->ops.lost_access)
		host->ops.lost_access(host->ops.opaque, gpa, size);
}

int tdx_host_unit_2m(const struct tdx_host *host, uint64_t gpa)
{
	uint64_t unit = gpa & UNIT_MASK;

	return !host->backing_4k && ram_contains(&host->ram, unit, MODEL_UNIT_SIZE) &&
	       attr_unit_of(&host->attr, unit) == ATTR_PRIVATE;
}

uint64_t tdx_host_assign(struct tdx_host *host, uint64_t gpa, unsigned int level)
{
	uint64_t unit = gpa & UNIT_MASK, page = gpa & PAGE_MASK;

	if (level >= SEPT_2M && tdx_host_unit_2m(host, gpa) &&
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
		tdx_host_event(host, vcpu, EVENT_SPLIT, unit, MODEL_UNIT_SIZE, 0, 0);
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

	if (!ram_contains(&host->ram, gpa & PAGE_MASK, MODEL_PAGE_SIZE))
		return STOP_NOT_RAM;
	if (attr_is_shared(&host->attr, gpa))
		return STOP_NOT_ASSIGNED;
	state = sept_walk(&host->sept, gpa, &level);
	if (state == SEPT_FREE) {
		size = tdx_host_assign(host, gpa, wanted_level(exit_info));
		if (!size)
			return STOP_NO_PROGRESS;
		tdx_host_event(host, vcpu, EVENT_ASSIGN, gpa & ~(size - 1), size, 0, 0);
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

/* Removes the pages of the range that are mapped, one event per run */
static void remove_pages(struct tdx_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size, run = gpa, page;

	for (page = gpa; page < end; page += MODEL_PAGE_SIZE) {
		if (!tdx_host_remove(host, page, SEPT_4K))
			continue;
		if (run < page)
			tdx_host_event(host, vcpu, EVENT_REMOVE, run, page - run, 0, 0);
		run = page + MODEL_PAGE_SIZE;
	}
	if (run < end)
		tdx_host_event(host, vcpu, EVENT_REMOVE, run, end - run, 0, 0);
}

static void take_back(struct tdx_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	unsigned int level;
	enum sept_state state = sept_walk(&host->sept, gpa, &level);

	if (level == SEPT_2M && state == SEPT_FREE)
		return;
	if (level == SEPT_2M && size == MODEL_UNIT_SIZE) {
		if (!tdx_host_remove(host, gpa, SEPT_2M))
			tdx_host_event(host, vcpu, EVENT_REMOVE, gpa, size, 0, 0);
		return;
	}
	tdx_host_split(host, vcpu, gpa);
	remove_pages(host, vcpu, gpa, size);
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

static void set_attr(struct tdx_host *host, uint64_t gpa, uint64_t size,
		     void (*set)(struct page_attr *, uint64_t, uint64_t))
{
	uint64_t page;

	if (size == MODEL_UNIT_SIZE) {
		set(&host->attr, gpa, size);
		return;
	}
	for (page = gpa; page < gpa + size; page += MODEL_PAGE_SIZE)
		set(&host->attr, page, MODEL_PAGE_SIZE);
}

void tdx_host_make_shared(struct tdx_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	take_back(host, vcpu, gpa, size);
	mark_stale(host, gpa, size);
	set_attr(host, gpa, size, attr_set_shared);
	tdx_host_lost_access(host, gpa, size);
}

static void assign_range(struct tdx_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size, run = gpa, page;
	unsigned int level;

	for (page = gpa; page < end; page += MODEL_PAGE_SIZE) {
		if (sept_walk(&host->sept, page, &level) == SEPT_FREE) {
			/* a whole unit may come at once, more than was asked for */
			if (tdx_host_assign(host, page, SEPT_2M) == MODEL_UNIT_SIZE) {
				run = page & UNIT_MASK;
				end = run + MODEL_UNIT_SIZE;
				break;
			}
			continue;
		}
		if (run < page)
			tdx_host_event(host, vcpu, EVENT_ASSIGN, run, page - run, 0, 0);
		run = page + MODEL_PAGE_SIZE;
	}
	if (run < end)
		tdx_host_event(host, vcpu, EVENT_ASSIGN, run, end - run, 0, 0);
}

void tdx_host_make_private(struct tdx_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	int was_private = size == MODEL_UNIT_SIZE ?
				  attr_unit_of(&host->attr, gpa) == ATTR_PRIVATE :
				  size == MODEL_PAGE_SIZE && !attr_is_shared(&host->attr, gpa);

	if (!was_private) {
		set_attr(host, gpa, size, attr_set_private);
		tdx_host_lost_access(host, gpa, size);
	}
	if (host->assign_advance)
		assign_range(host, vcpu, gpa, size);
}
