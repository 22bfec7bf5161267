/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx.h"

#include <string.h>

#include "tdx_vm.h"

/* Exit qualification of the EPT violation (SDM Vol 3, table 28-7) */
static uint64_t qualification(const struct access *access)
{
	const uint64_t linear_valid = 1u << 7, not_a_walk = 1u << 8;

	switch (access->kind) {
	case ACCESS_WRITE:
		return 1u << 1 | linear_valid | not_a_walk;
	case ACCESS_FETCH:
		return 1u << 2 | linear_valid | not_a_walk;
	case ACCESS_WALK:
		return 1u << 0 | linear_valid;
	default:
		return 1u << 0 | linear_valid | not_a_walk;
	}
}

static enum access_verdict raise_ve(const struct access *access, uint64_t gpa,
				    struct access_fault *fault)
{
	fault->platform = VMX_EXIT_EPT_VIOLATION;
	fault->ve = (struct ve_info){
		.reason = VMX_EXIT_EPT_VIOLATION,
		.qualification = qualification(access),
		.gla = access->gla,
		.gpa = gpa,
	};
	return VERDICT_GUEST_FAULT;
}

void tdx_shared_ve(const struct tdx_vm *vm, const struct access *access,
		   struct access_fault *fault)
{
	raise_ve(access, access->gpa | tdx_vm_shared_bit(vm), fault);
}

int tdx_fault(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t exit_info)
{
	uint64_t page = gpa & PAGE_MASK;

	if (vm->host.mem.implicit && ram_contains(&vm->host.mem.ram, page, MODEL_PAGE_SIZE) &&
	    attr_is_shared(&vm->host.mem.attr, page)) {
		tdx_convert(vm, vcpu, page, MODEL_PAGE_SIZE, CONVERT_PRIVATE | CONVERT_IMPLICIT);
		return STOP_NONE;
	}
	return tdx_host_fault(&vm->host, vcpu, gpa, exit_info);
}

static enum access_verdict private_access(struct tdx_vm *vm, unsigned int vcpu,
					  const struct access *access,
					  struct access_fault *fault)
{
	int ve_disable = vm->td_ctls & TDX_TD_CTLS_PENDING_VE_DISABLE;
	enum stop_reason stop = STOP_NO_PROGRESS;
	uint64_t exit_info = 0;
	unsigned int round;

	for (round = 0; round < HOST_ROUNDS_MAX; round++) {
		switch (sept_access(&vm->host.sept, access->gpa, access->kind, ve_disable,
				    &exit_info)) {
		case SEPT_ALLOWED:
			return VERDICT_ALLOWED;
		case SEPT_VE:
			return raise_ve(access, access->gpa, fault);
		case SEPT_EXIT:
			break;
		}
		stop = tdx_fault(vm, vcpu, access->gpa, exit_info);
		if (stop != STOP_NONE)
			break;
		stop = STOP_NO_PROGRESS;
	}
	tdx_stopped(fault, stop, exit_info);
	return VERDICT_STOPPED;
}

/* The private page is not in the shared EPT: the host decides (semantics.md 2.10) */
static enum access_verdict shared_access_to_private(struct tdx_vm *vm, unsigned int vcpu,
						    const struct access *access,
						    struct access_fault *fault)
{
	uint64_t page = access->gpa & PAGE_MASK;

	switch (vm->config.shared_access) {
	case TDX_SHARED_VE:
		tdx_shared_ve(vm, access, fault);
		return VERDICT_GUEST_FAULT;
	case TDX_SHARED_CONVERTS:
		tdx_convert(vm, vcpu, page, MODEL_PAGE_SIZE, CONVERT_SHARED | CONVERT_IMPLICIT);
		return VERDICT_ALLOWED;
	default:
		tdx_stopped(fault, STOP_SHARED_ACCESS, TDX_EEQ_NONE);
		return VERDICT_STOPPED;
	}
}

enum access_verdict tdx_access(struct tdx_vm *vm, unsigned int vcpu,
			       const struct access *access,
			       struct access_fault *fault)
{
	memset(fault, 0, sizeof(*fault));
	if (tdx_beyond_width(vm, access->gpa))
		return VERDICT_RESERVED;
	if (!ram_contains(&vm->host.mem.ram, access->gpa & PAGE_MASK, MODEL_PAGE_SIZE)) {
		if (!access->private)
			return VERDICT_MMIO;
		tdx_stopped(fault, STOP_NOT_RAM, TDX_EEQ_NONE);
		return VERDICT_STOPPED;
	}
	if (access->private)
		return private_access(vm, vcpu, access, fault);
	if (attr_is_shared(&vm->host.mem.attr, access->gpa))
		return VERDICT_ALLOWED;
	return shared_access_to_private(vm, vcpu, access, fault);
}

int tdx_host_may_access(const struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	return host_mem_is_shared(&vm->host.mem, gpa, size);
}
