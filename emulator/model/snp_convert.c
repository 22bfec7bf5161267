/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp_vm.h"

#include "psc.h"

static uint64_t accepted_in(const struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t unit = vm->host.rmp.unit[gpa / MODEL_UNIT_SIZE].gpa_flags;
	uint64_t bytes = 0, page;

	if (!vm->host.remaps && !(unit & RMP_SPLIT))
		return unit & RMP_VALIDATED ? size : 0;
	for (page = gpa; page < gpa + size; page += MODEL_PAGE_SIZE)
		if (snp_vm_page_state(vm, page) == PAGE_ACCEPTED)
			bytes += MODEL_PAGE_SIZE;
	return bytes;
}

static void make_shared(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size)
{
	vm->accepted -= accepted_in(vm, gpa, size);
	snp_host_make_shared(&vm->host, vcpu, gpa, size);
}

void snp_share_implicitly(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa)
{
	host_mem_event(&vm->host.mem, vcpu, EVENT_CONVERT, gpa, MODEL_PAGE_SIZE, 0,
		       CONVERT_SHARED | CONVERT_IMPLICIT);
	make_shared(vm, vcpu, gpa, MODEL_PAGE_SIZE);
}

int snp_convert(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
		unsigned int op)
{
	uint64_t detail = op == PSC_SHARED ? CONVERT_SHARED : CONVERT_PRIVATE;

	if (vm->psc_errors || !ram_contains(&vm->host.mem.ram, gpa, size)) {
		vm->psc_errors -= vm->psc_errors ? 1 : 0;
		host_mem_event(&vm->host.mem, vcpu, EVENT_CONVERT, gpa, size, PSC_ERROR_GENERIC,
			       detail);
		return -1;
	}
	host_mem_event(&vm->host.mem, vcpu, EVENT_CONVERT, gpa, size, 0, detail);
	if (op == PSC_SHARED)
		make_shared(vm, vcpu, gpa, size);
	else
		snp_host_make_private(&vm->host, vcpu, gpa, size);
	return 0;
}
