/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp.h"

#include <string.h>

#include "snp_vm.h"

static enum snp_outcome done(struct snp_answer *answer, enum rmp_code code)
{
	answer->eax = code;
	return SNP_DONE;
}

static enum snp_outcome pvalidate_check(const struct snp_caller *caller, uint64_t address,
					uint32_t ecx, struct snp_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (caller->cpl || caller->vmpl)
		return SNP_GP;
	if (ecx > 1 || (ecx && address % MODEL_UNIT_SIZE))
		return done(answer, RMP_FAIL_INPUT);
	return SNP_WALK;
}

static void accept_event(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
			 int validate, const struct snp_answer *answer)
{
	struct acc_event event = {
		.kind = validate ? EVENT_ACCEPT : EVENT_RESCIND,
		.vcpu = vcpu,
		.gpa = gpa,
		.size = size,
		.result = answer->eax,
		.carry = answer->carry,
	};

	if (vm->host.mem.ops.event)
		vm->host.mem.ops.event(vm->host.mem.ops.opaque, &event);
}

enum snp_outcome snp_pvalidate_operands(struct snp_vm *vm,
					const struct snp_caller *caller,
					uint64_t rax, uint32_t ecx, uint32_t edx,
					struct snp_answer *answer)
{
	enum snp_outcome outcome = pvalidate_check(caller, rax, ecx, answer);

	/* never walked: there is no guest-physical address to report */
	if (outcome == SNP_DONE)
		accept_event(vm, caller->vcpu, 0, 0, edx & 1, answer);
	return outcome;
}

/*
 * One round of an instruction on the entry of gpa. 1: result is final; 0: the
 * host acted, once more; -1: fatal exit.
 */
static int settle(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa,
		  const struct rmp_result *result, struct snp_answer *answer)
{
	int stop;

	if (result->outcome != RMP_NPF)
		return 1;
	stop = snp_host_fault(&vm->host, vcpu, gpa, result->npf);
	if (stop == STOP_NONE && ++answer->exits >= HOST_ROUNDS_MAX)
		stop = STOP_NO_PROGRESS;
	if (stop == STOP_NONE)
		return 0;
	snp_stopped(&answer->fault, stop, result->npf);
	return -1;
}

static int target_is_ram(const struct snp_vm *vm, uint64_t gpa, struct snp_answer *answer)
{
	if (ram_contains(&vm->host.mem.ram, gpa & PAGE_MASK, MODEL_PAGE_SIZE))
		return 1;
	snp_stopped(&answer->fault, STOP_NOT_RAM, NPF_RMP | NPF_FINAL | NPF_ENC);
	return 0;
}

enum snp_outcome snp_pvalidate(struct snp_vm *vm, const struct snp_caller *caller,
			       uint64_t gpa, uint32_t ecx, uint32_t edx,
			       struct snp_answer *answer)
{
	enum snp_outcome outcome;
	struct rmp_result result;
	uint64_t size = ecx ? MODEL_UNIT_SIZE : MODEL_PAGE_SIZE;
	int validate = edx & 1, settled;

	gpa &= PAGE_MASK;
	outcome = pvalidate_check(caller, gpa, ecx, answer);
	if (outcome == SNP_WALK && !target_is_ram(vm, gpa, answer))
		return SNP_STOPPED;
	if (outcome == SNP_DONE)
		accept_event(vm, caller->vcpu, gpa, size, validate, answer);
	if (outcome != SNP_WALK)
		return outcome;
	do {
		struct rmp_key key = snp_host_key(&vm->host, gpa);

		rmp_pvalidate(&vm->host.rmp, &key, ecx, validate, &result);
		settled = settle(vm, caller->vcpu, gpa, &result, answer);
	} while (!settled);
	if (settled < 0)
		return SNP_STOPPED;
	answer->eax = result.code;
	answer->carry = result.carry;
	accept_event(vm, caller->vcpu, gpa, size, validate, answer);
	if (result.code == RMP_SUCCESS && !result.carry) {
		vm->accepted += validate ? size : -size;
		if (!validate)
			host_mem_lost_access(&vm->host.mem, gpa, size);
	}
	return SNP_DONE;
}

static enum snp_outcome rmpadjust_check(const struct snp_caller *caller, uint64_t address,
					uint64_t rcx, uint64_t rdx,
					struct snp_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (caller->cpl)
		return SNP_GP;
	if (rcx > 1 || (rcx && address % MODEL_UNIT_SIZE) || rdx >> 17 ||
	    (rdx & 0xff) >= VMPL_LEVELS || (rdx >> 8 & 0xff & ~RMP_PERM_ALL))
		return done(answer, RMP_FAIL_INPUT);
	return SNP_WALK;
}

enum snp_outcome snp_rmpadjust_operands(struct snp_vm *vm,
					const struct snp_caller *caller,
					uint64_t rax, uint64_t rcx, uint64_t rdx,
					struct snp_answer *answer)
{
	enum snp_outcome outcome = rmpadjust_check(caller, rax, rcx, rdx, answer);

	if (outcome == SNP_DONE)
		host_mem_event(&vm->host.mem, caller->vcpu, EVENT_RMPADJUST, 0, 0, answer->eax, rdx);
	return outcome;
}

enum snp_outcome snp_rmpadjust(struct snp_vm *vm, const struct snp_caller *caller,
			       uint64_t gpa, uint64_t rcx, uint64_t rdx,
			       struct snp_answer *answer)
{
	enum snp_outcome outcome;
	struct rmp_result result;
	uint64_t size = rcx ? MODEL_UNIT_SIZE : MODEL_PAGE_SIZE;
	int settled;

	gpa &= PAGE_MASK;
	outcome = rmpadjust_check(caller, gpa, rcx, rdx, answer);
	if (outcome == SNP_WALK && !target_is_ram(vm, gpa, answer))
		return SNP_STOPPED;
	if (outcome == SNP_DONE)
		host_mem_event(&vm->host.mem, caller->vcpu, EVENT_RMPADJUST, gpa, size,
			       answer->eax, rdx);
	if (outcome != SNP_WALK)
		return outcome;
	do {
		struct rmp_key key = snp_host_key(&vm->host, gpa);

		rmp_rmpadjust(&vm->host.rmp, &key, caller->vmpl, rcx, rdx, &result);
		settled = settle(vm, caller->vcpu, gpa, &result, answer);
	} while (!settled);
	if (settled < 0)
		return SNP_STOPPED;
	if (result.outcome == RMP_NOT_VALIDATED) {
		answer->fault.platform = VC_NOT_VALIDATED;
		return SNP_NOT_VALIDATED;
	}
	answer->eax = result.code;
	host_mem_event(&vm->host.mem, caller->vcpu, EVENT_RMPADJUST, gpa, size,
			       answer->eax, rdx);
	if (result.code == RMP_SUCCESS)
		host_mem_lost_access(&vm->host.mem, gpa, size);
	return SNP_DONE;
}
