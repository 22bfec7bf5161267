/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp_host.h"

#define UNIT_MASK (~(MODEL_UNIT_SIZE - 1))

void snp_host_event(const struct snp_host *host, unsigned int vcpu, enum event_kind kind,
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

void snp_host_lost_access(const struct snp_host *host, uint64_t gpa, uint64_t size)
{
	if (host->ops.lost_access)
		host->ops.lost_access(host->ops.opaque, gpa, size);
}

uint64_t snp_host_spa(const struct snp_host *host, uint64_t gpa)
{
	uint64_t page = gpa & ~(MODEL_PAGE_SIZE - 1);
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
		.gpa = gpa & ~(MODEL_PAGE_SIZE - 1),
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
	uint64_t unit = gpa & UNIT_MASK;

	return !host->backing_4k && ram_contains(&host->ram, unit, MODEL_UNIT_SIZE) &&
	       attr_unit_of(&host->attr, unit) == ATTR_PRIVATE &&
	       !unit_is_remapped(host, unit);
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
	snp_host_give_page(host, gpa & ~(MODEL_PAGE_SIZE - 1));
	return MODEL_PAGE_SIZE;
}

void snp_host_split(struct snp_host *host, unsigned int vcpu, uint64_t gpa)
{
	uint64_t unit = gpa & UNIT_MASK;

	if (rmp_psmash(&host->rmp, unit) == RMP_SUCCESS)
		snp_host_event(host, vcpu, EVENT_SPLIT, unit, MODEL_UNIT_SIZE, 0, 0);
}

static int is_assigned(const struct snp_host *host, uint64_t gpa)
{
	uint64_t spa = snp_host_spa(host, gpa);

	return !!(rmp_read(&host->rmp, spa).gpa_flags & RMP_ASSIGNED);
}

/* a hostile host backs it by the system page of another GPA: not its own to assign */
static int is_aliased(const struct snp_host *host, uint64_t gpa)
{
	uint64_t spa = snp_host_spa(host, gpa);

	return spa != (gpa & ~(MODEL_PAGE_SIZE - 1)) && spa < host->spare;
}

int snp_host_fault(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint32_t npf)
{
	uint64_t size;

	if (attr_is_shared(&host->attr, gpa))
		return STOP_NOT_ASSIGNED;
	if (npf & NPF_VMPL)
		return STOP_VMPL;
	if (npf & NPF_SIZEM) {
		snp_host_split(host, vcpu, gpa);
		return STOP_NONE;
	}
	if (is_assigned(host, gpa) || is_aliased(host, gpa))
		return STOP_OWNER;
	size = snp_host_assign(host, gpa);
	snp_host_event(host, vcpu, EVENT_ASSIGN, gpa & ~(size - 1), size, 0, 0);
	return STOP_NONE;
}

/* Takes back what is assigned of [gpa, gpa + size), one event per run of pages */
static void take_pages(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size, run = gpa, page;

	for (page = gpa; page < end; page += MODEL_PAGE_SIZE) {
		uint64_t spa = snp_host_spa(host, page);

		if (rmp_read(&host->rmp, spa).gpa_flags & RMP_ASSIGNED) {
			snp_host_take_page(host, page);
			continue;
		}
		if (run < page)
			snp_host_event(host, vcpu, EVENT_REMOVE, run, page - run, 0, 0);
		run = page + MODEL_PAGE_SIZE;
	}
	if (run < end)
		snp_host_event(host, vcpu, EVENT_REMOVE, run, end - run, 0, 0);
}

static void take_back(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	struct rmp_state state = { .size_2m = 1 };
	struct rmp_entry entry = rmp_read(&host->rmp, gpa & UNIT_MASK);

	if (!(entry.gpa_flags & RMP_SIZE_2M)) {
		take_pages(host, vcpu, gpa, size);
	} else if (size == MODEL_UNIT_SIZE) {
		rmp_update(&host->rmp, gpa, &state);
		snp_host_event(host, vcpu, EVENT_REMOVE, gpa, size, 0, 0);
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

		if (spa >= host->spare && (gpa_flags & ~(MODEL_PAGE_SIZE - 1)) == page)
			snp_host_take_page(host, page);
		snp_host_unmap(host, page);
	}
}

static int is_untouched(const struct snp_host *host, uint64_t gpa)
{
	return !host->rmp.unit[gpa / MODEL_UNIT_SIZE].gpa_flags;
}

static void set_attr(struct snp_host *host, uint64_t gpa, uint64_t size,
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

void snp_host_make_shared(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	if (host->remaps)
		drop_remaps(host, gpa, size);
	if (!is_untouched(host, gpa))
		take_back(host, vcpu, gpa, size);
	set_attr(host, gpa, size, attr_set_shared);
	snp_host_lost_access(host, gpa, size);
}

/* Assigns the pages of the range that are not, one event per run */
static void assign_range(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size, run = gpa, page;

	for (page = gpa; page < end; page += MODEL_PAGE_SIZE) {
		if (!is_assigned(host, page) && !is_aliased(host, page)) {
			uint64_t got = snp_host_assign(host, page);

			/* a whole unit may come at once, more than was asked for */
			if (got == MODEL_UNIT_SIZE) {
				run = page & UNIT_MASK;
				end = run + MODEL_UNIT_SIZE;
				break;
			}
			continue;
		}
		if (run < page)
			snp_host_event(host, vcpu, EVENT_ASSIGN, run, page - run, 0, 0);
		run = page + MODEL_PAGE_SIZE;
	}
	if (run < end)
		snp_host_event(host, vcpu, EVENT_ASSIGN, run, end - run, 0, 0);
}

void snp_host_make_private(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	int was_private = size == MODEL_UNIT_SIZE ?
				  attr_unit_of(&host->attr, gpa) == ATTR_PRIVATE :
				  size == MODEL_PAGE_SIZE && !attr_is_shared(&host->attr, gpa);

	if (!was_private) {
		set_attr(host, gpa, size, attr_set_private);
		snp_host_lost_access(host, gpa, size);
	}
	if (host->assign_advance)
		assign_range(host, vcpu, gpa, size);
}
