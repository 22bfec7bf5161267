/* SPDX-License-Identifier: GPL-2.0-only */
/* TDG.MEM.PAGE.RELEASE: the guest gives an accepted page back (semantics.md 2.11). */
#include "tdx_leaves.h"

#include "tdx_operand.h"
#include "tdx_vm.h"

/* RCX of the answer: how the GPA is mapped */
#define MAPPING_PENDING (1ull << 62)

static uint64_t try_release(struct tdx_vm *vm, uint64_t gpa, unsigned int level,
			    unsigned int *mapped, int *pending)
{
	*mapped = level;
	*pending = 0;
	/* nothing is mapped where the guest has no memory at all */
	if (gpa >= vm->config.top)
		return TDX_EPT_ENTRY_FREE | TDX_OPERAND_RCX;
	return sept_release(&vm->host.sept, gpa, level, vm->busy != 0, mapped, pending);
}

static uint64_t report(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
		       uint64_t status)
{
	host_mem_event(&vm->host.mem, vcpu, EVENT_RELEASE, gpa, size, status, 0);
	return status;
}

uint64_t tdx_page_release(struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs)
{
	unsigned int level, mapped;
	uint64_t gpa, size, status;
	int pending, counted;

	if (!tdx_page_operand(vm, regs->r[TDX_RCX], &gpa, &level, &size))
		return report(vm, vcpu, gpa, size, TDX_OPERAND_INVALID | TDX_OPERAND_RCX);
	/* a page that a malicious host kept while it was shared counts as the host's */
	counted = tdx_vm_page_state(vm, gpa) == PAGE_ACCEPTED;
	status = try_release(vm, gpa, level, &mapped, &pending);
	if (status == (TDX_OPERAND_BUSY | TDX_OPERAND_RCX))
		vm->busy--;
	else if (status)
		regs->r[TDX_RCX] = gpa | mapped | (pending ? MAPPING_PENDING : 0);
	report(vm, vcpu, gpa, size, status);
	if (!status) {
		vm->accepted -= counted ? size : 0;
		host_mem_lost_access(&vm->host.mem, gpa, size);
	}
	return status;
}
