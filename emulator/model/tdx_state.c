/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx.h"

#include <stdio.h>

#include "tdx_vm.h"

uint64_t tdx_vm_shared_bit(const struct tdx_vm *vm)
{
	return 1ull << (vm->config.gpaw - 1);
}

enum sept_state tdx_vm_sept_state(const struct tdx_vm *vm, uint64_t gpa, unsigned int *level)
{
	if (gpa < vm->config.top)
		return sept_walk(&vm->host.sept, gpa, level);
	*level = SEPT_2M;
	return SEPT_FREE;
}

static enum page_state state_of(enum sept_state state)
{
	switch (state) {
	case SEPT_MAPPED:
	case SEPT_BLOCKED:
	case SEPT_BLOCKEDW:
	case SEPT_EXPORTED_BLOCKEDW:
	case SEPT_EXPORTED_DIRTY:
	case SEPT_EXPORTED_DIRTY_BLOCKEDW:
		return PAGE_ACCEPTED;
	case SEPT_FREE:
	case SEPT_REMOVED:
	case SEPT_NL_MAPPED:
	case SEPT_NL_BLOCKED:
		return PAGE_HOST;
	default:
		return PAGE_UNACCEPTED;
	}
}

enum page_state tdx_vm_page_state(const struct tdx_vm *vm, uint64_t gpa)
{
	unsigned int level;

	if (!ram_contains(&vm->host.mem.ram, gpa & PAGE_MASK, MODEL_PAGE_SIZE) ||
	    attr_is_shared(&vm->host.mem.attr, gpa))
		return PAGE_HOST;
	return state_of(tdx_vm_sept_state(vm, gpa, &level));
}

static const char *ownership(const struct tdx_vm *vm, uint64_t gpa)
{
	static const char *const names[] = { "private, not added", "private, pending",
					     "private, accepted" };

	return host_mem_owner(&vm->host.mem, gpa, tdx_vm_page_state(vm, gpa), names);
}

int tdx_vm_describe(const struct tdx_vm *vm, uint64_t gpa, char *text, size_t size)
{
	unsigned int level;
	enum sept_state state = tdx_vm_sept_state(vm, gpa, &level);

	return snprintf(text, size, "%s; secure EPT: %s at %s", ownership(vm, gpa),
			sept_state_name(state), level == SEPT_2M ? "2M" : "4K");
}

enum page_state tdx_vm_state_from(const void *opaque, uint64_t gpa, uint64_t end,
				  uint64_t *length)
{
	const struct tdx_vm *vm = opaque;
	int table = vm->host.sept.unit[gpa / MODEL_UNIT_SIZE].state == SEPT_NL_MAPPED;

	*length = table ? MODEL_PAGE_SIZE : host_mem_in_unit(gpa, end);
	return tdx_vm_page_state(vm, gpa);
}

uint64_t tdx_vm_accepted_bytes(const struct tdx_vm *vm)
{
	return vm->accepted;
}
