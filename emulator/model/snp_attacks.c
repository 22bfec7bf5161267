/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp.h"

#include "snp_vm.h"

static void attack_event(const struct snp_vm *vm, enum attack attack, uint64_t gpa,
			 uint64_t size)
{
	host_mem_event(&vm->host.mem, 0, EVENT_ATTACK, gpa, size, 0, attack);
}

/* Acts on one page: its unit must be in pages first. -1: not a page of the guest. */
static int attack_page(struct snp_vm *vm, enum attack attack, uint64_t gpa)
{
	if (!host_mem_has_pages(&vm->host.mem, gpa, MODEL_PAGE_SIZE) ||
	    snp_vm_page_state(vm, gpa) == PAGE_HOST)
		return -1;
	snp_host_split(&vm->host, 0, gpa);
	attack_event(vm, attack, gpa, MODEL_PAGE_SIZE);
	return 0;
}

/* After the act the page may have another state: keep the count right. */
static void recount(struct snp_vm *vm, uint64_t gpa, enum page_state before)
{
	enum page_state after = snp_vm_page_state(vm, gpa);

	vm->accepted -= before == PAGE_ACCEPTED ? MODEL_PAGE_SIZE : 0;
	vm->accepted += after == PAGE_ACCEPTED ? MODEL_PAGE_SIZE : 0;
	host_mem_lost_access(&vm->host.mem, gpa, MODEL_PAGE_SIZE);
}

int snp_attack_remap(struct snp_vm *vm, uint64_t gpa)
{
	enum page_state before = snp_vm_page_state(vm, gpa);
	uint64_t spa = vm->host.spare + vm->host.spare_used * MODEL_PAGE_SIZE;

	if (vm->host.spare_used == SNP_SPARE_PAGES || vm->host.remaps == SNP_SPARE_PAGES ||
	    attack_page(vm, ATTACK_REMAP, gpa))
		return -1;
	vm->host.spare_used++;
	snp_host_remap(&vm->host, gpa, spa);
	snp_host_give_page(&vm->host, gpa);
	recount(vm, gpa, before);
	return 0;
}

int snp_attack_remap_back(struct snp_vm *vm, uint64_t gpa)
{
	enum page_state before = snp_vm_page_state(vm, gpa);

	if (!host_mem_has_pages(&vm->host.mem, gpa, MODEL_PAGE_SIZE) ||
	    snp_host_spa(&vm->host, gpa) == gpa)
		return -1;
	attack_event(vm, ATTACK_REMAP_BACK, gpa, MODEL_PAGE_SIZE);
	snp_host_unmap(&vm->host, gpa);
	recount(vm, gpa, before);
	return 0;
}

int snp_attack_alias(struct snp_vm *vm, uint64_t gpa, uint64_t other)
{
	enum page_state before = snp_vm_page_state(vm, gpa);
	uint64_t spa = snp_host_spa(&vm->host, other);

	if (!host_mem_has_pages(&vm->host.mem, other, MODEL_PAGE_SIZE) || other == gpa ||
	    vm->host.remaps == SNP_SPARE_PAGES || attack_page(vm, ATTACK_ALIAS, gpa))
		return -1;
	snp_host_remap(&vm->host, gpa, spa);
	recount(vm, gpa, before);
	return 0;
}

int snp_attack_reassign(struct snp_vm *vm, uint64_t gpa)
{
	enum page_state before = snp_vm_page_state(vm, gpa);

	if (attack_page(vm, ATTACK_REASSIGN, gpa))
		return -1;
	snp_host_take_page(&vm->host, gpa);
	snp_host_give_page(&vm->host, gpa);
	recount(vm, gpa, before);
	return 0;
}

int snp_attack_unassign(struct snp_vm *vm, uint64_t gpa)
{
	enum page_state before = snp_vm_page_state(vm, gpa);

	if (attack_page(vm, ATTACK_UNASSIGN, gpa))
		return -1;
	snp_host_take_page(&vm->host, gpa);
	attr_set_shared(&vm->host.mem.attr, gpa, MODEL_PAGE_SIZE);
	recount(vm, gpa, before);
	return 0;
}

int snp_attack_psc_error(struct snp_vm *vm, uint32_t count)
{
	vm->psc_errors = count;
	attack_event(vm, ATTACK_PSC_ERROR, 0, 0);
	return 0;
}

int snp_attack_psc_rewind(struct snp_vm *vm, uint32_t count)
{
	vm->psc_rewinds = count;
	attack_event(vm, ATTACK_PSC_REWIND, 0, 0);
	return 0;
}

uint32_t snp_attack_left(const struct snp_vm *vm, enum attack attack)
{
	switch (attack) {
	case ATTACK_PSC_ERROR:
		return vm->psc_errors;
	case ATTACK_PSC_REWIND:
		return vm->psc_rewinds;
	default:
		return 0;
	}
}
