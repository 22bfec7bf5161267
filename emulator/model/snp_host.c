/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp_host.h"

uint64_t snp_host_spa(const struct snp_host *host, uint64_t gpa)
{
	uint64_t page = gpa & PAGE_MASK;
	uint32_t i;

	for (i = 0; i < host->remaps; i++)
		if (host->remap[i].gpa == page)
			return host->remap[i].spa;
	return page;
}

struct rmp_key snp_host_key(const struct snp_host *host, uint64_t gpa)
{
	struct rmp_key key = {
		.spa = snp_host_spa(host, gpa),
		.gpa = gpa & PAGE_MASK,
		.asid = host->asid,
	};

	/* an honest host maps a page as large as the RMP has it */
	key.nested_2m = !!(rmp_read(&host->rmp, key.spa).gpa_flags & RMP_SIZE_2M);
	return key;
}

int snp_host_remap(struct snp_host *host, uint64_t gpa, uint64_t spa)
{
	snp_host_unmap(host, gpa);
	if (host->remaps == SNP_SPARE_PAGES)
		return -1;
	host->remap[host->remaps++] = (struct snp_remap){ gpa, spa };
	return 0;
}

void snp_host_unmap(struct snp_host *host, uint64_t gpa)
{
	uint32_t i;

	for (i = 0; i < host->remaps; i++)
		if (host->remap[i].gpa == gpa)
			host->remap[i] = host->remap[--host->remaps];
}

static int unit_is_remapped(const struct snp_host *host, uint64_t unit)
{
	uint32_t i;

	for (i = 0; i < host->remaps; i++)
		if ((host->remap[i].gpa & UNIT_MASK) == unit)
			return 1;
	return 0;
}

int snp_host_unit_2m(const struct snp_host *host, uint64_t gpa)
{
	return host_mem_unit_2m(&host->mem, gpa) && !unit_is_remapped(host, gpa & UNIT_MASK);
}

void snp_host_give_page(struct snp_host *host, uint64_t gpa)
{
	struct rmp_state state = { .gpa = gpa, .asid = host->asid, .assigned = 1 };

	rmp_update(&host->rmp, snp_host_spa(host, gpa), &state);
}

void snp_host_take_page(struct snp_host *host, uint64_t gpa)
{
	struct rmp_state state = { 0 };

	rmp_update(&host->rmp, snp_host_spa(host, gpa), &state);
}

uint64_t snp_host_assign(struct snp_host *host, uint64_t gpa)
{
	struct rmp_state state = {
		.gpa = gpa & UNIT_MASK,
		.asid = host->asid,
		.assigned = 1,
		.size_2m = 1,
	};

	/* pages of the unit that are assigned already force small ones (overlap) */
	if (snp_host_unit_2m(host, gpa) &&
	    rmp_update(&host->rmp, state.gpa, &state) == RMP_SUCCESS)
		return MODEL_UNIT_SIZE;
	snp_host_give_page(host, gpa & PAGE_MASK);
	return MODEL_PAGE_SIZE;
}

void snp_host_split(struct snp_host *host, unsigned int vcpu, uint64_t gpa)
{
	uint64_t unit = gpa & UNIT_MASK;

	if (rmp_psmash(&host->rmp, unit) == RMP_SUCCESS)
		host_mem_event(&host->mem, vcpu, EVENT_SPLIT, unit, MODEL_UNIT_SIZE, 0, 0);
}

static int is_assigned(const struct snp_host *host, uint64_t gpa)
{
	uint64_t spa = snp_host_spa(host, gpa);

	return !!(rmp_read(&host->rmp, spa).gpa_flags & RMP_ASSIGNED);
}

/* a malicious host backs it by the system page of another GPA: not its own to assign */
static int is_aliased(const struct snp_host *host, uint64_t gpa)
{
	uint64_t spa = snp_host_spa(host, gpa);

	return spa != (gpa & PAGE_MASK) && spa < host->spare;
}

int snp_host_fault(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint32_t npf)
{
	uint64_t size;

	if (attr_is_shared(&host->mem.attr, gpa)) {
		if (!host->mem.implicit)
			return STOP_NOT_ASSIGNED;
		host_mem_event(&host->mem, vcpu, EVENT_CONVERT, gpa & PAGE_MASK, MODEL_PAGE_SIZE, 0,
			       CONVERT_PRIVATE | CONVERT_IMPLICIT);
		snp_host_make_private(host, vcpu, gpa & PAGE_MASK, MODEL_PAGE_SIZE);
		return STOP_NONE;
	}
	if (npf & NPF_VMPL)
		return STOP_VMPL;
	if (npf & NPF_SIZEM) {
		snp_host_split(host, vcpu, gpa);
		return STOP_NONE;
	}
	if (is_assigned(host, gpa) || is_aliased(host, gpa))
		return STOP_OWNER;
	size = snp_host_assign(host, gpa);
	host_mem_event(&host->mem, vcpu, EVENT_ASSIGN, gpa & ~(size - 1), size, 0, 0);
	return STOP_NONE;
}

static uint64_t take_assigned(void *opaque, uint64_t page)
{
	struct snp_host *host = opaque;

	if (!is_assigned(host, page))
		return 0;
	snp_host_take_page(host, page);
	return MODEL_PAGE_SIZE;
}

/* Takes back what is assigned of [gpa, gpa + size) */
static void take_pages(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	host_mem_for_pages(&host->mem, vcpu, EVENT_REMOVE, gpa, size, take_assigned, host);
}

static void take_back(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	struct rmp_state state = { .size_2m = 1 };
	struct rmp_entry entry = rmp_read(&host->rmp, gpa & UNIT_MASK);

	if (!(entry.gpa_flags & RMP_SIZE_2M)) {
		take_pages(host, vcpu, gpa, size);
	} else if (size == MODEL_UNIT_SIZE) {
		rmp_update(&host->rmp, gpa, &state);
		host_mem_event(&host->mem, vcpu, EVENT_REMOVE, gpa, size, 0, 0);
	} else {
		snp_host_split(host, vcpu, gpa);
		take_pages(host, vcpu, gpa, size);
	}
}

/* A page that goes back to the host gives up the spare page behind it, too. */
static void drop_remaps(struct snp_host *host, uint64_t gpa, uint64_t size)
{
	uint64_t page;

	for (page = gpa; page < gpa + size; page += MODEL_PAGE_SIZE) {
		uint64_t spa = snp_host_spa(host, page);
		uint64_t gpa_flags = rmp_read(&host->rmp, spa).gpa_flags;

		if (spa >= host->spare && (gpa_flags & PAGE_MASK) == page)
			snp_host_take_page(host, page);
		snp_host_unmap(host, page);
	}
}

static int is_unused(const struct snp_host *host, uint64_t gpa)
{
	return !host->rmp.unit[gpa / MODEL_UNIT_SIZE].gpa_flags;
}

void snp_host_make_shared(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	if (host->remaps)
		drop_remaps(host, gpa, size);
	if (!is_unused(host, gpa))
		take_back(host, vcpu, gpa, size);
	host_mem_set_shared(&host->mem, gpa, size);
}

void snp_host_drop(struct snp_host *host, uint64_t unit)
{
	struct rmp_state state = { .size_2m = 1 };
	uint64_t page;

	if (host->remaps)
		drop_remaps(host, unit, MODEL_UNIT_SIZE);
	if (is_unused(host, unit))
		return;
	if (rmp_read(&host->rmp, unit).gpa_flags & RMP_SIZE_2M) {
		rmp_update(&host->rmp, unit, &state);
		return;
	}
	for (page = unit; page < unit + MODEL_UNIT_SIZE; page += MODEL_PAGE_SIZE)
		snp_host_take_page(host, page);
}

void snp_host_drop_others(struct snp_host *host, uint64_t gpa)
{
	uint64_t unit = gpa & UNIT_MASK, page;

	if (is_unused(host, unit))
		return;
	rmp_psmash(&host->rmp, unit);
	for (page = unit; page < unit + MODEL_UNIT_SIZE; page += MODEL_PAGE_SIZE)
		if (page != (gpa & PAGE_MASK))
			snp_host_take_page(host, page);
}

static uint64_t assign_missing(void *opaque, uint64_t page)
{
	struct snp_host *host = opaque;

	return is_assigned(host, page) || is_aliased(host, page) ? 0 :
								   snp_host_assign(host, page);
}

void snp_host_make_private(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	host_mem_set_private(&host->mem, gpa, size);
	if (host->mem.assign_advance)
		host_mem_for_pages(&host->mem, vcpu, EVENT_ASSIGN, gpa, size, assign_missing, host);
}
