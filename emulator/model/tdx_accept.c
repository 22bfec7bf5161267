/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx.h"

#include <string.h>

#include "tdx_operand.h"
#include "tdx_vm.h"

static void accept_event(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
			 uint64_t status)
{
	host_mem_event(&vm->host.mem, vcpu, EVENT_ACCEPT, gpa, size, status, 0);
}

static int is_stale(const struct tdx_vm *vm, uint64_t gpa, unsigned int level)
{
	const struct sept *sept = &vm->host.sept;

	return (level == SEPT_2M ? sept->unit[gpa / MODEL_UNIT_SIZE].flags :
				   sept->page[gpa / MODEL_PAGE_SIZE].flags) & SEPT_STALE;
}

/* Zeroes what is left of a pending page; 1 when done, 0 when an interrupt came first */
static int zero_and_map(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, unsigned int level)
{
	const struct model_ops *ops = &vm->host.mem.ops;
	int stale = is_stale(vm, gpa, level);

	for (;;) {
		uint64_t page = sept_accept_next(&vm->host.sept, gpa, level);

		if (stale && ops->scrub)
			ops->scrub(ops->opaque, page, MODEL_PAGE_SIZE);
		if (sept_accept_page_done(&vm->host.sept, gpa, level))
			return 1;
		if (ops->interrupt_pending && ops->interrupt_pending(ops->opaque, vcpu))
			return 0;
	}
}

static enum tdx_outcome accept_exit(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa,
				    uint64_t exit_info, struct tdx_answer *answer)
{
	int stop = gpa < vm->config.top ? tdx_fault(vm, vcpu, gpa, exit_info) :
					  STOP_NOT_RAM;

	if (stop == STOP_NONE && ++answer->exits >= HOST_ROUNDS_MAX)
		stop = STOP_NO_PROGRESS;
	if (stop == STOP_NONE)
		return TDX_DONE;
	answer->gpa = gpa;
	tdx_stopped(&answer->fault, stop, exit_info);
	return TDX_STOPPED;
}

static enum tdx_outcome accept_status(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa,
				      uint64_t size, uint64_t status, uint64_t *rax,
				      struct tdx_answer *answer)
{
	struct tdx_vcpu *state = &vm->vcpu[vcpu];

	if (status == (TDX_OPERAND_BUSY | TDX_OPERAND_RCX)) {
		vm->busy--;
		/* the module gives up when the host keeps the entry's lock too long */
		if (++state->busy_in_a_row > vm->config.busy_limit) {
			answer->gpa = gpa;
			tdx_stopped(&answer->fault, STOP_NO_PROGRESS, TDX_HOST_PRIORITY_BUSY_TIMEOUT);
			return TDX_STOPPED;
		}
	} else {
		state->busy_in_a_row = 0;
	}
	*rax = status;
	accept_event(vm, vcpu, gpa, size, status);
	return TDX_DONE;
}

static enum sept_accept try_accept(const struct tdx_vm *vm, uint64_t gpa, unsigned int level,
				   uint64_t *status, uint64_t *exit_info)
{
	/* nothing is mapped where the guest has no memory at all */
	if (gpa >= vm->config.top)
		return SEPT_ACCEPT_EXIT;
	return sept_accept(&vm->host.sept, gpa, level, vm->busy != 0, status, exit_info);
}

enum tdx_outcome tdx_page_accept(struct tdx_vm *vm, unsigned int vcpu, uint64_t rcx,
				 uint64_t *rax, struct tdx_answer *answer)
{
	uint64_t gpa, size, status = 0, exit_info = TDX_EEQ_ACCEPT;
	unsigned int level;
	enum sept_accept result;

	memset(answer, 0, sizeof(*answer));
	if (!tdx_page_operand(vm, rcx, &gpa, &level, &size))
		return accept_status(vm, vcpu, gpa, size, TDX_OPERAND_INVALID | TDX_OPERAND_RCX,
				     rax, answer);
	for (;;) {
		result = try_accept(vm, gpa, level, &status, &exit_info);
		if (result != SEPT_ACCEPT_EXIT)
			break;
		if (accept_exit(vm, vcpu, gpa, exit_info, answer) != TDX_DONE)
			return TDX_STOPPED;
	}
	if (result == SEPT_ACCEPT_ZERO) {
		if (!zero_and_map(vm, vcpu, gpa, level))
			return TDX_INTERRUPTED;
		/* not what a malicious host kept while it was shared, and the guest released */
		if (tdx_vm_page_state(vm, gpa) == PAGE_ACCEPTED)
			vm->accepted += size;
	}
	return accept_status(vm, vcpu, gpa, size, result == SEPT_ACCEPT_ZERO ? 0 : status, rax,
			     answer);
}
