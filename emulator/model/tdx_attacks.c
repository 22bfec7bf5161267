/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx.h"

#include "tdx_vm.h"

static void attack_event(const struct tdx_vm *vm, enum attack attack, uint64_t gpa,
			 uint64_t size)
{
	host_mem_event(&vm->host.mem, 0, EVENT_ATTACK, gpa, size, 0, attack);
}

/* Takes one page away; its unit must be in pages first. -1: not a page of the guest. */
static int attack_page(struct tdx_vm *vm, enum attack attack, uint64_t gpa)
{
	enum page_state before = tdx_vm_page_state(vm, gpa);

	if (!host_mem_has_pages(&vm->host.mem, gpa, MODEL_PAGE_SIZE) || before == PAGE_HOST)
		return -1;
	tdx_host_split(&vm->host, 0, gpa);
	attack_event(vm, attack, gpa, MODEL_PAGE_SIZE);
	if (tdx_host_remove(&vm->host, gpa, SEPT_4K))
		return -1;
	vm->accepted -= before == PAGE_ACCEPTED ? MODEL_PAGE_SIZE : 0;
	host_mem_lost_access(&vm->host.mem, gpa, MODEL_PAGE_SIZE);
	return 0;
}

int tdx_attack_remove_aug(struct tdx_vm *vm, uint64_t gpa)
{
	if (attack_page(vm, ATTACK_REMOVE_AUG, gpa))
		return -1;
	return sept_page_aug(&vm->host.sept, gpa, SEPT_4K, gpa) == TDX_SUCCESS ? 0 : -1;
}

int tdx_attack_remove(struct tdx_vm *vm, uint64_t gpa)
{
	if (attack_page(vm, ATTACK_REMOVE, gpa))
		return -1;
	sept_set_state(&vm->host.sept, gpa, SEPT_4K, SEPT_REMOVED);
	return 0;
}

int tdx_attack_block(struct tdx_vm *vm, uint64_t gpa)
{
	unsigned int level;
	uint64_t size, start;

	if (!host_mem_has_pages(&vm->host.mem, gpa, MODEL_PAGE_SIZE) ||
	    attr_is_shared(&vm->host.mem.attr, gpa))
		return -1;
	sept_walk(&vm->host.sept, gpa, &level);
	size = level == SEPT_2M ? MODEL_UNIT_SIZE : MODEL_PAGE_SIZE;
	start = gpa & ~(size - 1);
	if (sept_range_block(&vm->host.sept, start, level) != TDX_SUCCESS)
		return -1;
	sept_track(&vm->host.sept);
	attack_event(vm, ATTACK_BLOCK, start, size);
	host_mem_lost_access(&vm->host.mem, start, size);
	return 0;
}

int tdx_attack_keep(struct tdx_vm *vm, uint64_t gpa)
{
	if (vm->host.keeps || !host_mem_has_pages(&vm->host.mem, gpa, MODEL_PAGE_SIZE))
		return -1;
	vm->host.kept = gpa;
	vm->host.keeps = 1;
	return 0;
}

int tdx_attack_busy(struct tdx_vm *vm, uint32_t count)
{
	vm->busy = count;
	attack_event(vm, ATTACK_BUSY, 0, 0);
	return 0;
}

int tdx_attack_retry(struct tdx_vm *vm, uint32_t count)
{
	vm->retries = count;
	attack_event(vm, ATTACK_RETRY, 0, 0);
	return 0;
}

uint32_t tdx_attack_left(const struct tdx_vm *vm, enum attack attack)
{
	switch (attack) {
	case ATTACK_BUSY:
		return vm->busy;
	case ATTACK_RETRY:
		return vm->retries;
	default:
		return 0;
	}
}
