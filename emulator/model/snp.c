/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp.h"

#include "layout.h"
#include "snp_vm.h"

struct layout {
	uint64_t units;
	size_t unit, page, attr_unit, attr_page, registered, end;
};

static int layout_of(const struct snp_config *config, struct layout *layout)
{
	size_t at = 0;

	if (!config->top || config->top > 1ull << 48 || config->top % MODEL_PAGE_SIZE ||
	    !config->asid || !config->vcpus || config->vcpus > SNP_VCPUS_MAX)
		return -1;
	/* one more unit: the host's spare pages */
	layout->units = (config->top + MODEL_UNIT_SIZE - 1) / MODEL_UNIT_SIZE + 1;
	layout_place(&at, sizeof(struct snp_vm));
	layout->unit = layout_place(&at, layout->units * sizeof(struct rmp_entry));
	layout->page = layout_place(&at, layout->units * MODEL_UNIT_PAGES * sizeof(struct rmp_entry));
	layout->attr_unit = layout_place(&at, layout->units);
	layout->attr_page = layout_place(&at, layout->units * MODEL_UNIT_PAGES / 8);
	layout->registered = layout_place(&at, config->vcpus * sizeof(uint64_t));
	layout->end = at;
	return 0;
}

size_t snp_vm_bytes(const struct snp_config *config)
{
	struct layout layout;

	return layout_of(config, &layout) ? 0 : layout.end;
}

struct snp_vm *snp_vm_init(void *memory, const struct snp_config *config,
			   const struct model_ops *ops)
{
	struct snp_vm *vm = memory;
	uint8_t *base = memory;
	struct layout layout;

	if (layout_of(config, &layout))
		return NULL;
	vm->config = *config;
	if (!vm->config.hv_features)
		vm->config.hv_features = SNP_HV_FEATURES_DEFAULT;
	vm->host.mem.ops = *ops;
	vm->host.asid = config->asid;
	vm->host.mem.backing_4k = config->backing_4k;
	vm->host.mem.assign_advance = config->assign_advance;
	vm->host.rmp.units = layout.units;
	vm->host.rmp.unit = (struct rmp_entry *)(base + layout.unit);
	vm->host.rmp.page = (struct rmp_entry *)(base + layout.page);
	vm->host.mem.attr.unit = base + layout.attr_unit;
	vm->host.mem.attr.page = (uint64_t *)(base + layout.attr_page);
	vm->host.spare = (layout.units - 1) * MODEL_UNIT_SIZE;
	vm->registered = (uint64_t *)(base + layout.registered);
	return vm;
}

int snp_vm_add_ram(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	return ram_add(&vm->host.mem.ram, gpa, size, vm->config.top);
}

static int launch_part(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	struct rmp_state state = { .gpa = gpa, .asid = vm->config.asid, .assigned = 1 };
	uint64_t end = gpa + size;

	state.size_2m = size == MODEL_UNIT_SIZE && snp_host_unit_2m(&vm->host, gpa);
	if (state.size_2m && rmp_launch(&vm->host.rmp, gpa, &state) == RMP_SUCCESS)
		return 0;
	state.size_2m = 0;
	for (; state.gpa < end; state.gpa += MODEL_PAGE_SIZE)
		if (attr_is_shared(&vm->host.mem.attr, state.gpa) ||
		    rmp_launch(&vm->host.rmp, state.gpa, &state) != RMP_SUCCESS)
			return -1;
	return 0;
}

int snp_vm_launch(struct snp_vm *vm, uint64_t gpa, uint64_t size)
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

int snp_vm_share(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size, page;

	if (!host_mem_has_pages(&vm->host.mem, gpa, size))
		return -1;
	for (page = gpa; page < end; page += MODEL_PAGE_SIZE)
		if (snp_vm_page_state(vm, page) != PAGE_HOST)
			return -1;
	for (; gpa < end; gpa += host_mem_in_unit(gpa, end))
		snp_host_make_shared(&vm->host, 0, gpa, host_mem_in_unit(gpa, end));
	return 0;
}

static void start_range(struct snp_vm *vm, uint64_t gpa, uint64_t end)
{
	uint64_t page, got;

	for (page = gpa; page < end; page = (page & ~(got - 1)) + got)
		got = snp_host_assign(&vm->host, page);
	host_mem_event(&vm->host.mem, 0, EVENT_ASSIGN, gpa, end - gpa, 0, 0);
}

int snp_vm_start(struct snp_vm *vm)
{
	uint64_t cursor = 0, at, from;
	struct page_run run;

	if (!vm->config.assign_advance)
		return 0;
	while (snp_vm_next_run(vm, &cursor, &run)) {
		if (run.state != PAGE_HOST)
			continue;
		/* of what the guest does not own yet, only the private part */
		at = run.start;
		while (host_mem_next_private(&vm->host.mem, &at, run.start + run.size, &from))
			start_range(vm, from, at);
	}
	return 0;
}
