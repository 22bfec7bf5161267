/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx_leaves.h"
#include "tdx_vm.h"

enum tdx_raise tdx_raise_ve(struct tdx_vm *vm, unsigned int vcpu, const struct ve_info *info)
{
	struct tdx_vcpu *state = &vm->vcpu[vcpu];

	if (state->ve_valid)
		return TDX_RAISE_DOUBLE_FAULT;
	state->ve = *info;
	state->ve_valid = 0xffffffff;
	return TDX_RAISE_VE;
}

uint64_t tdx_veinfo_get(struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs)
{
	struct tdx_vcpu *state = &vm->vcpu[vcpu];

	regs->r[TDX_RCX] = regs->r[TDX_RDX] = 0;
	regs->r[TDX_R8] = regs->r[TDX_R9] = regs->r[TDX_R10] = 0;
	if (!state->ve_valid)
		return TDX_NO_VE_INFO;
	regs->r[TDX_RCX] = state->ve.reason;
	regs->r[TDX_RDX] = state->ve.qualification;
	regs->r[TDX_R8] = state->ve.gla;
	regs->r[TDX_R9] = state->ve.gpa;
	regs->r[TDX_R10] = state->ve.length | (uint64_t)state->ve.info << 32;
	state->ve_valid = 0;
	return TDX_SUCCESS;
}
