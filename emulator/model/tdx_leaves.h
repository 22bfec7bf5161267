/* SPDX-License-Identifier: GPL-2.0-only */
/* The leaves of TDCALL but PAGE.ACCEPT, for tdx_tdcall.c: each gives RAX or puts it in *status. */
#ifndef ACCEPTLAB_TDX_LEAVES_H
#define ACCEPTLAB_TDX_LEAVES_H

#include "tdx.h"

uint64_t tdx_vp_info(const struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs);
uint64_t tdx_veinfo_get(struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs);
uint64_t tdx_vm_rd(struct tdx_vm *vm, struct tdx_regs *regs, unsigned int version);
uint64_t tdx_vm_wr(struct tdx_vm *vm, struct tdx_regs *regs);
uint64_t tdx_sys_rd(const struct tdx_vm *vm, struct tdx_regs *regs);
/* RCX: the operand, and the mapping that was found where RAX is not 0 */
uint64_t tdx_page_release(struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs);
/* These use buffers in guest memory: an outcome but TDX_DONE goes before the status. */
enum tdx_outcome tdx_mr_report(struct tdx_vm *vm, unsigned int vcpu,
			       const struct tdx_regs *regs, uint64_t *status,
			       struct tdx_answer *answer);
enum tdx_outcome tdx_rtmr_extend(struct tdx_vm *vm, unsigned int vcpu,
				 const struct tdx_regs *regs, uint64_t *status,
				 struct tdx_answer *answer);
/* TDVMCALL MapGPA: answers in regs */
void tdx_map_gpa(struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs,
		 const struct tdx_vmcall *vmcall);

#endif
