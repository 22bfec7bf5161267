/* SPDX-License-Identifier: GPL-2.0-only */
#include "host_mem.h"

#include "attack.h"

int host_mem_has_pages(const struct host_mem *mem, uint64_t gpa, uint64_t size)
{
	return size && !((gpa | size) % MODEL_PAGE_SIZE) && ram_contains(&mem->ram, gpa, size);
}

/* From gpa on to where the host's opinion may change next, at most to end */
static uint64_t same_opinion(const struct host_mem *mem, uint64_t gpa, uint64_t end)
{
	return attr_unit_of(&mem->attr, gpa) == ATTR_MIXED ? MODEL_PAGE_SIZE :
							     host_mem_in_unit(gpa, end);
}

int host_mem_is_shared(const struct host_mem *mem, uint64_t gpa, uint64_t size)
{
	uint64_t start = gpa & PAGE_MASK, end = gpa + size;

	if (!size || end < gpa || !ram_contains(&mem->ram, start, end - start))
		return 0;
	for (; start < end; start += same_opinion(mem, start, end))
		if (!attr_is_shared(&mem->attr, start))
			return 0;
	return 1;
}

int host_mem_unit_2m(const struct host_mem *mem, uint64_t gpa)
{
	uint64_t unit = gpa & UNIT_MASK;

	return !mem->backing_4k && ram_contains(&mem->ram, unit, MODEL_UNIT_SIZE) &&
	       attr_unit_of(&mem->attr, unit) == ATTR_PRIVATE;
}

static void set_attr(struct host_mem *mem, uint64_t gpa, uint64_t size,
		     void (*set)(struct page_attr *, uint64_t, uint64_t))
{
	uint64_t page;

	if (size == MODEL_UNIT_SIZE) {
		set(&mem->attr, gpa, size);
		return;
	}
	for (page = gpa; page < gpa + size; page += MODEL_PAGE_SIZE)
		set(&mem->attr, page, MODEL_PAGE_SIZE);
}

/* guest_memfd has private memory, the rest of the guest's is mapped elsewhere (KVM api.rst). */
static void lose_content(const struct host_mem *mem, uint64_t gpa, uint64_t size, int shared)
{
	uint64_t end = gpa + size, length;

	if (!mem->other_memory || !mem->ops.content_lost)
		return;
	for (; gpa < end; gpa += length) {
		length = same_opinion(mem, gpa, end);
		if (attr_is_shared(&mem->attr, gpa) != shared)
			mem->ops.content_lost(mem->ops.opaque, gpa, length, shared);
	}
}

void host_mem_set_shared(struct host_mem *mem, uint64_t gpa, uint64_t size)
{
	lose_content(mem, gpa, size, 1);
	set_attr(mem, gpa, size, attr_set_shared);
	host_mem_lost_access(mem, gpa, size);
}

void host_mem_set_private(struct host_mem *mem, uint64_t gpa, uint64_t size)
{
	int was_private = size == MODEL_UNIT_SIZE ?
				  attr_unit_of(&mem->attr, gpa) == ATTR_PRIVATE :
				  size == MODEL_PAGE_SIZE && !attr_is_shared(&mem->attr, gpa);

	if (was_private)
		return;
	lose_content(mem, gpa, size, 0);
	set_attr(mem, gpa, size, attr_set_private);
	host_mem_lost_access(mem, gpa, size);
}

int host_mem_next_private(const struct host_mem *mem, uint64_t *at, uint64_t end,
			  uint64_t *from)
{
	while (*at < end && attr_is_shared(&mem->attr, *at))
		*at += same_opinion(mem, *at, end);
	*from = *at;
	while (*at < end && !attr_is_shared(&mem->attr, *at))
		*at += same_opinion(mem, *at, end);
	return *from < *at;
}

int host_mem_next_run(const struct host_mem *mem, uint64_t *cursor, struct page_run *run,
		      const struct host_mem_platform *platform, const void *vm)
{
	uint64_t start, stop, length, at;

	if (!ram_next(&mem->ram, *cursor, mem->top, &start, &stop))
		return 0;
	run->start = start;
	run->state = platform->state_from(vm, start, stop, &length);
	for (at = start + length; at < stop; at += length)
		if (platform->state_from(vm, at, stop, &length) != run->state)
			break;
	run->size = at - start;
	*cursor = at;
	return 1;
}

int host_mem_launch(const struct host_mem *mem, uint64_t gpa, uint64_t size, uint64_t *accepted,
		    const struct host_mem_platform *platform, void *vm)
{
	uint64_t end = gpa + size, part;

	if (!host_mem_has_pages(mem, gpa, size))
		return -1;
	for (; gpa < end; gpa += part) {
		part = host_mem_in_unit(gpa, end);
		if (platform->launch(vm, gpa, part))
			return -1;
		*accepted += part;
	}
	return 0;
}

int host_mem_share(const struct host_mem *mem, uint64_t gpa, uint64_t size,
		   const struct host_mem_platform *platform, void *vm)
{
	uint64_t end = gpa + size, length, at;

	if (!host_mem_has_pages(mem, gpa, size))
		return -1;
	for (at = gpa; at < end; at += length)
		if (platform->state_from(vm, at, end, &length) != PAGE_HOST)
			return -1;
	for (; gpa < end; gpa += length) {
		length = host_mem_in_unit(gpa, end);
		platform->share(vm, gpa, length);
	}
	return 0;
}

static void assign_range(const struct host_mem *mem, uint64_t gpa, uint64_t end,
			 const struct host_mem_platform *platform, void *vm)
{
	uint64_t page, got;

	for (page = gpa; page < end; page = (page & ~(got - 1)) + got) {
		got = platform->assign(vm, page);
		if (!got)
			return;
	}
	host_mem_event(mem, 0, EVENT_ASSIGN, gpa, end - gpa, 0, 0);
}

void host_mem_start(const struct host_mem *mem, const struct host_mem_platform *platform, void *vm)
{
	uint64_t cursor = 0, at, from;
	struct page_run run;

	if (!mem->assign_advance)
		return;
	while (host_mem_next_run(mem, &cursor, &run, platform, vm)) {
		if (run.state != PAGE_HOST)
			continue;
		/* of what the guest does not own yet, only the private part */
		at = run.start;
		while (host_mem_next_private(mem, &at, run.start + run.size, &from))
			assign_range(mem, from, at, platform, vm);
	}
}

static int is_units(uint64_t gpa, uint64_t size)
{
	return size && !((gpa | size) % MODEL_UNIT_SIZE);
}

/* Bytes of [gpa, end) in a state */
static uint64_t bytes_in(uint64_t gpa, uint64_t end, enum page_state state,
			 const struct host_mem_platform *platform, const void *vm)
{
	uint64_t found = 0, length;

	for (; gpa < end; gpa += length)
		if (platform->state_from(vm, gpa, end, &length) == state)
			found += length;
	return found;
}

/* What a malicious host kept at the unplug: events for each run of pages that is the guest's */
static void say_kept(const struct host_mem *mem, uint64_t gpa, uint64_t end,
		     const struct host_mem_platform *platform, const void *vm)
{
	uint64_t run = gpa, length;
	enum page_state state = PAGE_HOST, next;

	for (; gpa <= end; gpa += length) {
		length = MODEL_PAGE_SIZE;
		next = gpa < end ? platform->state_from(vm, gpa, end, &length) : PAGE_HOST;
		if (next == state)
			continue;
		if (state == PAGE_ACCEPTED)
			host_mem_event(mem, 0, EVENT_ATTACK, run, gpa - run, 0, ATTACK_KEEP);
		else if (state == PAGE_UNACCEPTED)
			host_mem_event(mem, 0, EVENT_ASSIGN, run, gpa - run, 0, 0);
		state = next;
		run = gpa;
	}
}

int host_mem_plug(struct host_mem *mem, uint64_t gpa, uint64_t size, uint64_t *accepted,
		  const struct host_mem_platform *platform, void *vm)
{
	uint64_t end = gpa + size;

	if (!is_units(gpa, size) || ram_add(&mem->ram, gpa, size, mem->top))
		return -1;
	host_mem_event(mem, 0, EVENT_PLUG, gpa, size, 0, 0);
	*accepted += bytes_in(gpa, end, PAGE_ACCEPTED, platform, vm);
	say_kept(mem, gpa, end, platform, vm);
	host_mem_lost_access(mem, gpa, size);
	if (mem->assign_advance && bytes_in(gpa, end, PAGE_HOST, platform, vm) == size)
		assign_range(mem, gpa, end, platform, vm);
	return 0;
}

int host_mem_unplug(struct host_mem *mem, uint64_t gpa, uint64_t size, int keep,
		    uint64_t *accepted, const struct host_mem_platform *platform, void *vm)
{
	uint64_t unit;

	if (!is_units(gpa, size) || !ram_contains(&mem->ram, gpa, size))
		return -1;
	*accepted -= bytes_in(gpa, gpa + size, PAGE_ACCEPTED, platform, vm);
	for (unit = gpa; unit < gpa + size; unit += MODEL_UNIT_SIZE) {
		if (!keep)
			platform->drop(vm, unit);
		attr_set_private(&mem->attr, unit, MODEL_UNIT_SIZE);
	}
	if (ram_remove(&mem->ram, gpa, size))
		return -1;
	host_mem_event(mem, 0, EVENT_UNPLUG, gpa, size, 0, 0);
	host_mem_lost_access(mem, gpa, size);
	return 0;
}

const char *host_mem_owner(const struct host_mem *mem, uint64_t gpa, enum page_state state,
			   const char *const private[3])
{
	if (!ram_contains(&mem->ram, gpa & PAGE_MASK, MODEL_PAGE_SIZE))
		return "not RAM";
	if (attr_is_shared(&mem->attr, gpa))
		return "shared (owned by the host)";
	return private[state];
}

void host_mem_event(const struct host_mem *mem, unsigned int vcpu, enum event_kind kind,
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

	if (mem->ops.event)
		mem->ops.event(mem->ops.opaque, &event);
}

void host_mem_lost_access(const struct host_mem *mem, uint64_t gpa, uint64_t size)
{
	if (mem->ops.lost_access)
		mem->ops.lost_access(mem->ops.opaque, gpa, size);
}

void host_mem_for_pages(const struct host_mem *mem, unsigned int vcpu, enum event_kind kind,
			uint64_t gpa, uint64_t size, host_mem_act_fn *act, void *host)
{
	uint64_t end = gpa + size, run = gpa, page, done;

	for (page = gpa; page < end; page += MODEL_PAGE_SIZE) {
		done = act(host, page);
		/* a whole unit may come at once, more than was requested */
		if (done == MODEL_UNIT_SIZE) {
			run = page & UNIT_MASK;
			end = run + MODEL_UNIT_SIZE;
			break;
		}
		if (done)
			continue;
		if (run < page)
			host_mem_event(mem, vcpu, kind, run, page - run, 0, 0);
		run = page + MODEL_PAGE_SIZE;
	}
	if (run < end)
		host_mem_event(mem, vcpu, kind, run, end - run, 0, 0);
}
