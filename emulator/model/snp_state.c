/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp.h"

#include <stdio.h>

#include "snp_vm.h"

struct rmp_entry snp_vm_rmp_entry(const struct snp_vm *vm, uint64_t gpa)
{
	return rmp_read(&vm->host.rmp, snp_host_spa(&vm->host, gpa));
}

enum page_state snp_vm_page_state(const struct snp_vm *vm, uint64_t gpa)
{
	struct rmp_entry entry;

	gpa &= PAGE_MASK;
	if (!ram_contains(&vm->host.mem.ram, gpa, MODEL_PAGE_SIZE))
		return PAGE_HOST;
	entry = snp_vm_rmp_entry(vm, gpa);
	if (!(entry.gpa_flags & RMP_ASSIGNED) || entry.asid != vm->config.asid ||
	    (entry.gpa_flags & PAGE_MASK) != gpa)
		return PAGE_HOST;
	return entry.gpa_flags & RMP_VALIDATED ? PAGE_ACCEPTED : PAGE_UNACCEPTED;
}

static const char *ownership(const struct snp_vm *vm, uint64_t gpa)
{
	static const char *const names[] = { "private, not assigned", "private, not validated",
					     "private, validated" };

	return host_mem_owner(&vm->host.mem, gpa, snp_vm_page_state(vm, gpa), names);
}

int snp_vm_describe(const struct snp_vm *vm, uint64_t gpa, char *text, size_t size)
{
	struct rmp_entry entry = snp_vm_rmp_entry(vm, gpa);
	uint64_t flags = entry.gpa_flags;

	if (!(flags & RMP_ASSIGNED))
		return snprintf(text, size, "%s", ownership(vm, gpa));
	return snprintf(text, size,
			"%s; RMP: %s page of ASID %u at GPA 0x%llx%s%s, "
			"VMPL permissions %02x %02x %02x %02x",
			ownership(vm, gpa), flags & RMP_SIZE_2M ? "2M" : "4K", entry.asid,
			(unsigned long long)(flags & PAGE_MASK),
			flags & RMP_VMSA ? ", save area" : "",
			flags & RMP_IMMUTABLE ? ", immutable" : "", entry.perms[0],
			entry.perms[1], entry.perms[2], entry.perms[3]);
}

enum page_state snp_vm_state_from(const void *opaque, uint64_t gpa, uint64_t end,
				  uint64_t *length)
{
	const struct snp_vm *vm = opaque;
	uint64_t unit = vm->host.rmp.unit[gpa / MODEL_UNIT_SIZE].gpa_flags;
	int uniform = !(unit & RMP_SPLIT) && !vm->host.remaps;

	*length = uniform ? host_mem_in_unit(gpa, end) : MODEL_PAGE_SIZE;
	return snp_vm_page_state(vm, gpa);
}

uint64_t snp_vm_accepted_bytes(const struct snp_vm *vm)
{
	return vm->accepted;
}
