/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp.h"

#include "psc.h"
#include "snp_vm.h"

static uint64_t msr_cpuid(struct snp_vm *vm, unsigned int vcpu, uint64_t request)
{
	uint32_t regs[4] = { 0 };

	if (vm->host.mem.ops.cpuid)
		vm->host.mem.ops.cpuid(vm->host.mem.ops.opaque, vcpu, request >> 32, 0, regs);
	return (uint64_t)regs[request >> 30 & 3] << 32 | (request & 0xc0000000) |
	       GHCB_MSR_CPUID_RESP;
}

static uint64_t msr_register(struct snp_vm *vm, unsigned int vcpu, uint64_t request)
{
	uint64_t gpa = request & PAGE_MASK;

	if (vcpu >= vm->config.vcpus || !ram_contains(&vm->host.mem.ram, gpa, MODEL_PAGE_SIZE))
		return GHCB_NO_FRAME << 12 | GHCB_MSR_REG_GPA_RESP;
	vm->registered[vcpu] = gpa + 1;
	return gpa | GHCB_MSR_REG_GPA_RESP;
}

static uint64_t msr_psc(struct snp_vm *vm, unsigned int vcpu, uint64_t request)
{
	unsigned int op = psc_op_of(request);

	if ((op != PSC_PRIVATE && op != PSC_SHARED) ||
	    snp_convert(vm, vcpu, psc_gpa(request), MODEL_PAGE_SIZE, op))
		return GHCB_MSR_PSC_ERROR | GHCB_MSR_PSC_RESP;
	return GHCB_MSR_PSC_RESP;
}

static uint64_t msr_preferred(const struct snp_vm *vm)
{
	uint64_t gpa = vm->config.preferred_ghcb_gpa;

	return (gpa ? gpa & PAGE_MASK : GHCB_NO_FRAME << 12) | GHCB_MSR_PREF_GPA_RESP;
}

static uint64_t msr_sev_info(const struct snp_vm *vm)
{
	return (uint64_t)GHCB_VERSION_MAX << 48 | (uint64_t)GHCB_VERSION_MIN << 32 |
	       (uint64_t)vm->config.c_bit << 24 | GHCB_MSR_SEV_INFO_RESP;
}

/* only a host with the multi-VMPL feature (bit 5) knows the request */
static uint64_t msr_vmpl(const struct snp_vm *vm, uint64_t request)
{
	return vm->config.hv_features & 1u << 5 ? GHCB_MSR_VMPL_RESP : request;
}

void snp_ghcb_msr(struct snp_vm *vm, unsigned int vcpu, uint64_t request,
		  struct ghcb_msr_answer *answer)
{
	*answer = (struct ghcb_msr_answer){ .action = GHCB_MSR_RESUME, .msr = request };
	switch (request & 0xfff) {
	case 0:
		answer->action = GHCB_MSR_PAGE;
		break;
	case GHCB_MSR_SEV_INFO_REQ:
		answer->msr = msr_sev_info(vm);
		break;
	case GHCB_MSR_CPUID_REQ:
		answer->msr = msr_cpuid(vm, vcpu, request);
		break;
	case GHCB_MSR_AP_RESET_HOLD_REQ:
		answer->action = GHCB_MSR_AP_RESET_HOLD;
		answer->msr = 1ull << 12 | GHCB_MSR_AP_RESET_HOLD_RESP;
		break;
	case GHCB_MSR_PREF_GPA_REQ:
		answer->msr = msr_preferred(vm);
		break;
	case GHCB_MSR_REG_GPA_REQ:
		answer->msr = msr_register(vm, vcpu, request);
		break;
	case GHCB_MSR_PSC_REQ:
		answer->msr = msr_psc(vm, vcpu, request);
		break;
	case GHCB_MSR_VMPL_REQ:
		answer->msr = msr_vmpl(vm, request);
		break;
	case GHCB_MSR_HV_FT_REQ:
		answer->msr = vm->config.hv_features << 12 | GHCB_MSR_HV_FT_RESP;
		break;
	case GHCB_MSR_TERM_REQ:
		answer->action = GHCB_MSR_TERMINATE;
		answer->set = request >> 12 & 0xf;
		answer->reason = request >> 16 & 0xff;
		break;
	}
}
