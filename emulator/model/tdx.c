/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx.h"

#include "layout.h"
#include "tdx_vm.h"

#define BUSY_LIMIT_DEFAULT 1000

struct layout {
	uint64_t units;
	size_t unit, page, attr_unit, attr_page, vcpu, end;
};

static int layout_of(const struct tdx_config *config, struct layout *layout)
{
	size_t at = 0;

	if ((config->gpaw != 48 && config->gpaw != 52) || !config->top ||
	    config->top > 1ull << (config->gpaw - 1) || config->top % MODEL_PAGE_SIZE ||
	    !config->vcpus || config->vcpus > TDX_VCPUS_MAX ||
	    config->map_gpa_chunk % MODEL_PAGE_SIZE)
		return -1;
	layout->units = (config->top + MODEL_UNIT_SIZE - 1) / MODEL_UNIT_SIZE;
	layout_place(&at, sizeof(struct tdx_vm));
	layout->unit = layout_place(&at, layout->units * sizeof(struct sept_unit));
	layout->page = layout_place(&at, layout->units * MODEL_UNIT_PAGES * sizeof(struct sept_page));
	layout->attr_unit = layout_place(&at, layout->units);
	layout->attr_page = layout_place(&at, layout->units * MODEL_UNIT_PAGES / 8);
	layout->vcpu = layout_place(&at, config->vcpus * sizeof(struct tdx_vcpu));
	layout->end = at;
	return 0;
}

size_t tdx_vm_bytes(const struct tdx_config *config)
{
	struct layout layout;

	return layout_of(config, &layout) ? 0 : layout.end;
}

struct tdx_vm *tdx_vm_init(void *memory, const struct tdx_config *config,
			   const struct model_ops *ops)
{
	struct tdx_vm *vm = memory;
	uint8_t *base = memory;
	struct layout layout;

	if (layout_of(config, &layout))
		return NULL;
	vm->config = *config;
	if (!vm->config.busy_limit)
		vm->config.busy_limit = BUSY_LIMIT_DEFAULT;
	vm->host.mem.ops = *ops;
	vm->host.mem.backing_4k = config->backing_4k;
	vm->host.mem.assign_advance = config->assign_advance;
	vm->host.sept.units = layout.units;
	vm->host.sept.unit = (struct sept_unit *)(base + layout.unit);
	vm->host.sept.page = (struct sept_page *)(base + layout.page);
	vm->host.mem.attr.unit = base + layout.attr_unit;
	vm->host.mem.attr.page = (uint64_t *)(base + layout.attr_page);
	vm->vcpu = (struct tdx_vcpu *)(base + layout.vcpu);
	if (config->attributes & TDX_ATTR_SEPT_VE_DISABLE)
		vm->td_ctls = TDX_TD_CTLS_PENDING_VE_DISABLE;
	return vm;
}

int tdx_vm_add_ram(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	return ram_add(&vm->host.mem.ram, gpa, size, vm->config.top);
}

/* What firmware accepted as one 2M page: AUG and ACCEPT, content kept */
static int launch_unit(struct tdx_vm *vm, uint64_t gpa)
{
	struct sept *sept = &vm->host.sept;

	if (!host_mem_unit_2m(&vm->host.mem, gpa) ||
	    sept_page_aug(sept, gpa, SEPT_2M, gpa) != TDX_SUCCESS)
		return -1;
	sept_set_state(sept, gpa, SEPT_2M, SEPT_MAPPED);
	sept->unit[gpa / MODEL_UNIT_SIZE].flags |= SEPT_STALE;
	return 0;
}

static int launch_part(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size;

	if (size == MODEL_UNIT_SIZE && !launch_unit(vm, gpa))
		return 0;
	sept_sept_add(&vm->host.sept, gpa & UNIT_MASK);
	for (; gpa < end; gpa += MODEL_PAGE_SIZE)
		if (attr_is_shared(&vm->host.mem.attr, gpa) ||
		    sept_page_add(&vm->host.sept, gpa) != TDX_SUCCESS)
			return -1;
	return 0;
}

int tdx_vm_launch(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size, part;

	if (!host_mem_has_pages(&vm->host.mem, gpa, size))
		return -1;
	for (; gpa < end; gpa += part) {
		part = host_mem_in_unit(gpa, end);
		if (launch_part(vm, gpa, part))
			return -1;
		vm->accepted += part;
	}
	return 0;
}

int tdx_vm_share(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size, page;

	if (!host_mem_has_pages(&vm->host.mem, gpa, size))
		return -1;
	for (page = gpa; page < end; page += MODEL_PAGE_SIZE)
		if (tdx_vm_page_state(vm, page) != PAGE_HOST)
			return -1;
	for (; gpa < end; gpa += host_mem_in_unit(gpa, end))
		tdx_host_make_shared(&vm->host, 0, gpa, host_mem_in_unit(gpa, end));
	return 0;
}

static void start_range(struct tdx_vm *vm, uint64_t gpa, uint64_t end)
{
	uint64_t page, got;

	for (page = gpa; page < end; page = (page & ~(got - 1)) + got) {
		got = tdx_host_assign(&vm->host, page, SEPT_2M);
		if (!got)
			return;
	}
	host_mem_event(&vm->host.mem, 0, EVENT_ASSIGN, gpa, end - gpa, 0, 0);
}

int tdx_vm_start(struct tdx_vm *vm)
{
	uint64_t cursor = 0, at, from;
	struct page_run run;

	vm->host.sept.running = 1;
	if (!vm->config.assign_advance)
		return 0;
	while (tdx_vm_next_run(vm, &cursor, &run)) {
		if (run.state != PAGE_HOST)
			continue;
		/* of what the guest does not own yet, only the private part */
		at = run.start;
		while (host_mem_next_private(&vm->host.mem, &at, run.start + run.size, &from))
			start_range(vm, from, at);
	}
	return 0;
}
