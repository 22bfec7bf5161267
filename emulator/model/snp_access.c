/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp.h"

#include <string.h>

#include "snp_vm.h"

/* Nobody but the processor has a save area while its vCPU runs: semantics.md 1.4.6 */
static enum access_verdict save_area_access(struct snp_vm *vm, const struct access *access,
					    struct access_fault *fault)
{
	uint32_t where = access->kind == ACCESS_WALK ? NPF_PAGE_TABLE : NPF_FINAL;

	if (!snp_save_area_in_use(vm, access->gpa))
		return VERDICT_ALLOWED;
	return snp_stopped(fault, STOP_SAVE_AREA, NPF_RMP | NPF_ENC | where);
}

static enum access_verdict private_access(struct snp_vm *vm, unsigned int vcpu,
					  const struct access *access,
					  struct access_fault *fault)
{
	struct rmp_result result;
	unsigned int round;

	for (round = 0; round < HOST_ROUNDS_MAX; round++) {
		struct rmp_key key = snp_host_key(&vm->host, access->gpa);
		int stop;

		rmp_access(&vm->host.rmp, &key, access, &result);
		if (result.outcome == RMP_DONE)
			return save_area_access(vm, access, fault);
		if (result.outcome == RMP_NOT_VALIDATED) {
			fault->platform = VC_NOT_VALIDATED;
			return VERDICT_GUEST_FAULT;
		}
		stop = snp_host_fault(&vm->host, vcpu, access->gpa, result.npf);
		if (stop != STOP_NONE)
			return snp_stopped(fault, stop, result.npf);
	}
	return snp_stopped(fault, STOP_NO_PROGRESS, result.npf);
}

/* The host maps for shared use only what it has as shared. */
static enum access_verdict shared_access(struct snp_vm *vm, unsigned int vcpu,
					 const struct access *access,
					 struct access_fault *fault)
{
	struct rmp_key key = snp_host_key(&vm->host, access->gpa);
	struct rmp_result result;

	rmp_access(&vm->host.rmp, &key, access, &result);
	if (result.outcome == RMP_CIPHERTEXT)
		return VERDICT_CIPHERTEXT;
	if (vm->host.mem.implicit && !attr_is_shared(&vm->host.mem.attr, access->gpa) &&
	    !snp_save_area_in_use(vm, access->gpa)) {
		snp_share_implicitly(vm, vcpu, access->gpa & PAGE_MASK);
		return VERDICT_ALLOWED;
	}
	if (result.outcome == RMP_NPF)
		return snp_stopped(fault, STOP_SHARED_ACCESS, result.npf);
	if (!attr_is_shared(&vm->host.mem.attr, access->gpa))
		return snp_stopped(fault, STOP_SHARED_ACCESS, NPF_FINAL);
	return VERDICT_ALLOWED;
}

enum access_verdict snp_access(struct snp_vm *vm, unsigned int vcpu,
			       const struct access *access,
			       struct access_fault *fault)
{
	struct access copy = *access;

	memset(fault, 0, sizeof(*fault));
	if (copy.kind == ACCESS_FETCH || copy.kind == ACCESS_WALK)
		copy.private = 1;
	if (!ram_contains(&vm->host.mem.ram, copy.gpa & PAGE_MASK, MODEL_PAGE_SIZE)) {
		if (!copy.private)
			return VERDICT_MMIO;
		return snp_stopped(fault, STOP_NOT_RAM, NPF_RMP | NPF_FINAL | NPF_ENC);
	}
	return copy.private ? private_access(vm, vcpu, &copy, fault) :
			      shared_access(vm, vcpu, &copy, fault);
}

int snp_host_may_access(const struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	return host_mem_is_shared(&vm->host.mem, gpa, size);
}
