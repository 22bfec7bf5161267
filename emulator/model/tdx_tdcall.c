/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx.h"

#include <string.h>

#include "tdx_leaves.h"
#include "tdx_vm.h"

/* RBP is the guest's alone in a TD that is configured so (semantics.md 2.9.5) */
static int passes_rbp(const struct tdx_vm *vm, const struct tdx_regs *regs)
{
	return (vm->config.config_flags & TDX_CONFIG_NO_RBP_MOD) &&
	       regs->r[TDX_RCX] >> TDX_RBP & 1;
}

static enum tdx_outcome vmcall(struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs,
			       struct tdx_answer *answer)
{
	struct tdx_vmcall *call = &answer->vmcall;

	if (tdvmcall_decode(regs, call) || passes_rbp(vm, regs)) {
		regs->r[TDX_RAX] = TDX_OPERAND_INVALID | TDX_OPERAND_RCX;
		return TDX_DONE;
	}
	if (!call->vendor && call->function == TDVMCALL_MAP_GPA) {
		tdx_map_gpa(vm, vcpu, regs, call);
		return TDX_DONE;
	}
	if (!call->vendor && call->function == TDVMCALL_MMIO)
		call->gpa &= ~tdx_vm_shared_bit(vm);
	return TDX_VMCALL;
}

static enum tdx_outcome dispatch(struct tdx_vm *vm, unsigned int vcpu, unsigned int leaf,
				 unsigned int version, struct tdx_regs *regs,
				 struct tdx_answer *answer)
{
	enum tdx_outcome outcome = TDX_DONE;
	uint64_t status = TDX_OPERAND_INVALID | TDX_OPERAND_RAX;

	switch (leaf) {
	case TDG_VP_INFO:
		status = tdx_vp_info(vm, vcpu, regs);
		break;
	case TDG_MR_RTMR_EXTEND:
		outcome = tdx_rtmr_extend(vm, vcpu, regs, &status, answer);
		break;
	case TDG_VP_VEINFO_GET:
		status = tdx_veinfo_get(vm, vcpu, regs);
		break;
	case TDG_MR_REPORT:
		outcome = tdx_mr_report(vm, vcpu, regs, &status, answer);
		break;
	case TDG_MEM_PAGE_ACCEPT:
		outcome = tdx_page_accept(vm, vcpu, regs->r[TDX_RCX], &status, answer);
		break;
	case TDG_VM_RD:
		status = tdx_vm_rd(vm, regs, version);
		break;
	case TDG_VM_WR:
		status = tdx_vm_wr(vm, regs);
		break;
	case TDG_MEM_PAGE_RELEASE:
		if (vm->config.config_flags & TDX_CONFIG_PAGE_RELEASE)
			status = tdx_page_release(vm, vcpu, regs);
		break;
	case TDG_SYS_RD:
		status = tdx_sys_rd(vm, regs);
		break;
	}
	if (outcome == TDX_DONE)
		regs->r[TDX_RAX] = status;
	return outcome;
}

enum tdx_outcome tdx_tdcall(struct tdx_vm *vm, const struct tdx_caller *caller,
			    struct tdx_regs *regs, struct tdx_answer *answer)
{
	unsigned int leaf, version;

	memset(answer, 0, sizeof(*answer));
	if (!caller->long_mode || caller->cpl || caller->vcpu >= vm->config.vcpus)
		return TDX_GP;
	/* of these leaves VM.RD alone has more than one version */
	if (tdcall_split(regs->r[TDX_RAX], &leaf, &version) || (version && leaf != TDG_VM_RD)) {
		regs->r[TDX_RAX] = TDX_OPERAND_INVALID | TDX_OPERAND_RAX;
		return TDX_DONE;
	}
	if (leaf == TDG_VP_VMCALL)
		return vmcall(vm, caller->vcpu, regs, answer);
	return dispatch(vm, caller->vcpu, leaf, version, regs, answer);
}
