/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp.h"

#include "layout.h"
#include "snp_vm.h"

struct layout {
	uint64_t units;
	size_t unit, page, attr_unit, attr_page, registered, save_area, end;
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
	layout->save_area = layout_place(&at, config->vcpus * sizeof(uint64_t));
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
	vm->host.mem.top = config->top;
	vm->host.asid = config->asid;
	vm->host.mem.backing_4k = config->backing_4k;
	vm->host.mem.assign_advance = config->assign_advance;
	vm->host.mem.implicit = config->implicit;
	vm->host.rmp.units = layout.units;
	vm->host.rmp.unit = (struct rmp_entry *)(base + layout.unit);
	vm->host.rmp.page = (struct rmp_entry *)(base + layout.page);
	vm->host.mem.attr.unit = base + layout.attr_unit;
	vm->host.mem.attr.page = (uint64_t *)(base + layout.attr_page);
	vm->host.spare = (layout.units - 1) * MODEL_UNIT_SIZE;
	vm->registered = (uint64_t *)(base + layout.registered);
	vm->save_area = (uint64_t *)(base + layout.save_area);
	return vm;
}

int snp_vm_add_ram(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	return ram_add(&vm->host.mem.ram, gpa, size, vm->config.top);
}

static int launch(void *opaque, uint64_t gpa, uint64_t size)
{
	struct snp_vm *vm = opaque;
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

static void share(void *opaque, uint64_t gpa, uint64_t size)
{
	struct snp_vm *vm = opaque;

	snp_host_make_shared(&vm->host, 0, gpa, size);
}

static void drop(void *opaque, uint64_t gpa)
{
	struct snp_vm *vm = opaque;

	snp_host_drop(&vm->host, gpa);
}

static uint64_t assign(void *opaque, uint64_t gpa)
{
	struct snp_vm *vm = opaque;

	return snp_host_assign(&vm->host, gpa);
}

static const struct host_mem_platform platform = {
	.state_from = snp_vm_state_from,
	.launch = launch,
	.share = share,
	.drop = drop,
	.assign = assign,
};

int snp_vm_launch(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	return host_mem_launch(&vm->host.mem, gpa, size, &vm->accepted, &platform, vm);
}

int snp_vm_share(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	return host_mem_share(&vm->host.mem, gpa, size, &platform, vm);
}

int snp_vm_start(struct snp_vm *vm)
{
	host_mem_start(&vm->host.mem, &platform, vm);
	vm->host.mem.other_memory = !vm->config.in_place;
	return 0;
}

int snp_vm_plug(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	return host_mem_plug(&vm->host.mem, gpa, size, &vm->accepted, &platform, vm);
}

int snp_vm_unplug(struct snp_vm *vm, uint64_t gpa, uint64_t size, int keep)
{
	return host_mem_unplug(&vm->host.mem, gpa, size, keep, &vm->accepted, &platform, vm);
}

void snp_vm_drop_others(struct snp_vm *vm, uint64_t gpa)
{
	snp_host_drop_others(&vm->host, gpa);
}

int snp_vm_next_run(const struct snp_vm *vm, uint64_t *cursor, struct page_run *run)
{
	return host_mem_next_run(&vm->host.mem, cursor, run, &platform, vm);
}
