/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx.h"

#include "layout.h"
#include "tdx_module.h"
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
	    config->map_gpa_chunk % MODEL_PAGE_SIZE || !tdx_module_allows(config) ||
	    config->shared_access >= TDX_SHARED_ACCESSES)
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
	vm->host.mem.top = config->top;
	vm->host.mem.backing_4k = config->backing_4k;
	vm->host.mem.assign_advance = config->assign_advance;
	vm->host.sept.units = layout.units;
	vm->host.sept.unit = (struct sept_unit *)(base + layout.unit);
	vm->host.sept.page = (struct sept_page *)(base + layout.page);
	vm->host.mem.attr.unit = base + layout.attr_unit;
	vm->host.mem.attr.page = (uint64_t *)(base + layout.attr_page);
	vm->vcpu = (struct tdx_vcpu *)(base + layout.vcpu);
	vm->topology_configured = !!config->topology_configured;
	if (config->gpaw == 52)
		vm->config.config_flags |= TDX_CONFIG_GPAW;
	if (config->attributes & TDX_ATTR_SEPT_VE_DISABLE)
		vm->td_ctls = TDX_TD_CTLS_PENDING_VE_DISABLE;
	return vm;
}

int tdx_vm_add_ram(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	return ram_add(&vm->host.mem.ram, gpa, size, vm->config.top);
}

/* What firmware accepted as one 2M page: AUG and ACCEPT, with its content */
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

static int launch(void *opaque, uint64_t gpa, uint64_t size)
{
	struct tdx_vm *vm = opaque;
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

static void share(void *opaque, uint64_t gpa, uint64_t size)
{
	struct tdx_vm *vm = opaque;

	tdx_host_make_shared(&vm->host, 0, gpa, size);
}

static void drop(void *opaque, uint64_t gpa)
{
	struct tdx_vm *vm = opaque;

	tdx_host_drop(&vm->host, gpa);
}

static uint64_t assign(void *opaque, uint64_t gpa)
{
	struct tdx_vm *vm = opaque;

	return tdx_host_assign(&vm->host, gpa, SEPT_2M);
}

static const struct host_mem_platform platform = {
	.state_from = tdx_vm_state_from,
	.launch = launch,
	.share = share,
	.drop = drop,
	.assign = assign,
};

int tdx_vm_launch(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	return host_mem_launch(&vm->host.mem, gpa, size, &vm->accepted, &platform, vm);
}

int tdx_vm_share(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	return host_mem_share(&vm->host.mem, gpa, size, &platform, vm);
}

int tdx_vm_start(struct tdx_vm *vm)
{
	vm->host.sept.running = 1;
	host_mem_start(&vm->host.mem, &platform, vm);
	vm->host.mem.other_memory = !vm->config.in_place;
	vm->host.mem.implicit = vm->config.implicit;
	return 0;
}

int tdx_vm_plug(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	return host_mem_plug(&vm->host.mem, gpa, size, &vm->accepted, &platform, vm);
}

int tdx_vm_unplug(struct tdx_vm *vm, uint64_t gpa, uint64_t size, int keep)
{
	return host_mem_unplug(&vm->host.mem, gpa, size, keep, &vm->accepted, &platform, vm);
}

int tdx_vm_next_run(const struct tdx_vm *vm, uint64_t *cursor, struct page_run *run)
{
	return host_mem_next_run(&vm->host.mem, cursor, run, &platform, vm);
}
