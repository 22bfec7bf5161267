/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx_leaves.h"

#include <string.h>

#include "tdx_vm.h"

uint64_t tdx_vp_info(const struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs)
{
	regs->r[TDX_RCX] = vm->config.gpaw;
	regs->r[TDX_RDX] = vm->config.attributes;
	regs->r[TDX_R8] = vm->config.vcpus | (uint64_t)vm->config.vcpus << 32;
	regs->r[TDX_R9] = vcpu;
	regs->r[TDX_R10] = 1;	/* SYS.RD is there */
	regs->r[TDX_R11] = 0;
	return TDX_SUCCESS;
}

/*
 * An operand buffer in guest memory that the module uses for the guest: the
 * rules of an access by the guest itself (semantics.md 2.6.6). The address is
 * aligned; shared: whether it may have the SHARED bit.
 */
static enum tdx_outcome use_buffer(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa,
				   uint64_t size, enum access_kind kind, int shared,
				   enum tdx_operand operand, uint8_t **buffer, uint64_t *status,
				   struct tdx_answer *answer)
{
	uint64_t shared_bit = tdx_vm_shared_bit(vm);
	struct access access = {
		.gpa = gpa & ~shared_bit,
		.kind = kind,
		.private = !(gpa & shared_bit),
	};
	const struct model_ops *ops = &vm->host.mem.ops;

	*buffer = NULL;
	*status = TDX_OPERAND_INVALID | operand;
	if (tdx_beyond_width(vm, access.gpa) || (!access.private && !shared))
		return TDX_DONE;
	answer->gpa = access.gpa;
	answer->shared = !access.private;
	switch (tdx_access(vm, vcpu, &access, &answer->fault)) {
	case VERDICT_ALLOWED:
		*status = TDX_SUCCESS;
		if (ops->guest_memory)
			*buffer = ops->guest_memory(ops->opaque, access.gpa, size);
		return TDX_DONE;
	case VERDICT_MMIO:
		tdx_shared_ve(vm, &access, &answer->fault);
		return TDX_FAULT_VE;
	case VERDICT_GUEST_FAULT:
		return TDX_FAULT_VE;
	case VERDICT_STOPPED:
		return TDX_STOPPED;
	default:
		return TDX_DONE;
	}
}

#define REPORT_SIZE 1024u
#define REPORT_DATA_SIZE 64u
#define REPORT_DATA_OFFSET 128u	/* in REPORTMACSTRUCT */
#define REPORT_TYPE_TDX 0x81u

static void write_report(uint8_t *report, const uint8_t data[REPORT_DATA_SIZE])
{
	memset(report, 0, REPORT_SIZE);
	report[0] = REPORT_TYPE_TDX;
	memcpy(report + REPORT_DATA_OFFSET, data, REPORT_DATA_SIZE);
}

/*
 * A report with the guest's own data, and zero wherever hardware would vouch for
 * something. In the module's order (tdg_mr_report.c): both alignments, the data,
 * the subtype, and last the buffer of the report.
 */
enum tdx_outcome tdx_mr_report(struct tdx_vm *vm, unsigned int vcpu,
				  const struct tdx_regs *regs, uint64_t *status,
				  struct tdx_answer *answer)
{
	uint64_t buffer = regs->r[TDX_RCX], data = regs->r[TDX_RDX];
	uint8_t *from, *to, copy[REPORT_DATA_SIZE] = { 0 };
	enum tdx_outcome outcome;

	*status = TDX_OPERAND_INVALID | TDX_OPERAND_RCX;
	if (buffer % REPORT_SIZE)
		return TDX_DONE;
	*status = TDX_OPERAND_INVALID | TDX_OPERAND_RDX;
	if (data % REPORT_DATA_SIZE)
		return TDX_DONE;
	outcome = use_buffer(vm, vcpu, data, REPORT_DATA_SIZE, ACCESS_READ, 1, TDX_OPERAND_RDX,
			     &from, status, answer);
	if (outcome != TDX_DONE || *status)
		return outcome;
	*status = TDX_OPERAND_INVALID | TDX_OPERAND_R8;
	if (regs->r[TDX_R8])
		return TDX_DONE;
	if (from)
		memcpy(copy, from, sizeof(copy));
	outcome = use_buffer(vm, vcpu, buffer, REPORT_SIZE, ACCESS_WRITE, 1, TDX_OPERAND_RCX,
			     &to, status, answer);
	if (outcome == TDX_DONE && !*status && to)
		write_report(to, copy);
	return outcome;
}

#define RTMR_DATA_ALIGN 64u
#define RTMRS 4u

/* Measurements are not stored: only the operands are checked. The data must be private. */
enum tdx_outcome tdx_rtmr_extend(struct tdx_vm *vm, unsigned int vcpu,
				    const struct tdx_regs *regs, uint64_t *status,
				    struct tdx_answer *answer)
{
	uint8_t *data;
	enum tdx_outcome outcome;

	*status = TDX_OPERAND_INVALID | TDX_OPERAND_RCX;
	if (regs->r[TDX_RCX] % RTMR_DATA_ALIGN)
		return TDX_DONE;
	outcome = use_buffer(vm, vcpu, regs->r[TDX_RCX], RTMR_DATA_ALIGN, ACCESS_READ, 0,
			     TDX_OPERAND_RCX, &data, status, answer);
	if (outcome == TDX_DONE && !*status && regs->r[TDX_RDX] >= RTMRS)
		*status = TDX_OPERAND_INVALID | TDX_OPERAND_RDX;
	return outcome;
}
