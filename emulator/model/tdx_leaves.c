/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx_leaves.h"

#include <string.h>

#include "tdx_vm.h"

/* The fields that a guest may name; 0 or the status */
static uint64_t field_of(struct tdx_vm *vm, uint64_t id, uint64_t **field, uint64_t *writable)
{
	*writable = 0;
	switch (id) {
	case TDX_FIELD_ATTRIBUTES:
		*field = &vm->config.attributes;
		return TDX_SUCCESS;
	case TDX_FIELD_CONFIG_FLAGS:
		*field = &vm->config.config_flags;
		return TDX_SUCCESS;
	case TDX_FIELD_TD_CTLS:
		*field = &vm->td_ctls;
		if (vm->config.config_flags & TDX_CONFIG_FLEXIBLE_PENDING_VE)
			*writable = TDX_TD_CTLS_PENDING_VE_DISABLE;
		return TDX_SUCCESS;
	case TDX_FIELD_NOTIFY_ENABLES:
		*field = &vm->notify_enables;
		*writable = 1;
		return TDX_SUCCESS;
	default:
		return TDX_METADATA_FIELD_ID_INCORRECT | TDX_OPERAND_RDX;
	}
}

uint64_t tdx_vm_rd(struct tdx_vm *vm, struct tdx_regs *regs)
{
	uint64_t *field, writable, status;

	status = field_of(vm, regs->r[TDX_RDX], &field, &writable);
	regs->r[TDX_R8] = status ? 0 : *field;
	return status;
}

uint64_t tdx_vm_wr(struct tdx_vm *vm, struct tdx_regs *regs)
{
	uint64_t *field, writable, status, old;

	status = field_of(vm, regs->r[TDX_RDX], &field, &writable);
	if (status)
		return status;
	writable &= regs->r[TDX_R9];
	if (!writable)
		return TDX_METADATA_FIELD_NOT_WRITABLE | TDX_OPERAND_RDX;
	old = *field;
	*field = (old & ~writable) | (regs->r[TDX_R8] & writable);
	regs->r[TDX_R8] = old;
	return TDX_SUCCESS;
}

uint64_t tdx_vp_info(const struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs)
{
	regs->r[TDX_RCX] = vm->config.gpaw;
	regs->r[TDX_RDX] = vm->config.attributes;
	regs->r[TDX_R8] = vm->config.vcpus | (uint64_t)vm->config.vcpus << 32;
	regs->r[TDX_R9] = vcpu;
	regs->r[TDX_R10] = 0;
	regs->r[TDX_R11] = 0;
	return TDX_SUCCESS;
}

/*
 * An operand buffer in guest memory that the module uses for the guest: the
 * rules of an access by the guest itself (semantics.md 2.6.6).
 */
static enum tdx_outcome use_buffer(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa,
				   uint64_t size, enum access_kind kind,
				   enum tdx_operand operand, uint8_t **buffer, uint64_t *status,
				   struct tdx_answer *answer)
{
	struct access access = { .gpa = gpa, .kind = kind, .private = 1 };
	const struct model_ops *ops = &vm->host.mem.ops;

	*buffer = NULL;
	*status = TDX_OPERAND_INVALID | operand;
	if (gpa % size || tdx_beyond_width(vm, gpa))
		return TDX_DONE;
	answer->gpa = gpa;
	switch (tdx_access(vm, vcpu, &access, &answer->fault)) {
	case VERDICT_ALLOWED:
		*status = TDX_SUCCESS;
		if (ops->guest_memory)
			*buffer = ops->guest_memory(ops->opaque, gpa, size);
		return TDX_DONE;
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

/* A report with the guest's own data, and zero wherever hardware would vouch for something */
enum tdx_outcome tdx_mr_report(struct tdx_vm *vm, unsigned int vcpu,
				  const struct tdx_regs *regs, uint64_t *status,
				  struct tdx_answer *answer)
{
	uint8_t *report, *data;
	enum tdx_outcome outcome;

	outcome = use_buffer(vm, vcpu, regs->r[TDX_RCX], REPORT_SIZE, ACCESS_WRITE,
			     TDX_OPERAND_RCX, &report, status, answer);
	if (outcome != TDX_DONE || *status)
		return outcome;
	outcome = use_buffer(vm, vcpu, regs->r[TDX_RDX], REPORT_DATA_SIZE, ACCESS_READ,
			     TDX_OPERAND_RDX, &data, status, answer);
	if (outcome != TDX_DONE || *status)
		return outcome;
	if (regs->r[TDX_R8])
		*status = TDX_OPERAND_INVALID | TDX_OPERAND_R8;
	if (!*status && report && data) {
		uint8_t copy[REPORT_DATA_SIZE];

		memcpy(copy, data, sizeof(copy));
		memset(report, 0, REPORT_SIZE);
		report[0] = REPORT_TYPE_TDX;
		memcpy(report + REPORT_DATA_OFFSET, copy, sizeof(copy));
	}
	return TDX_DONE;
}

/* Measurements are not stored: only the operands are checked. */
enum tdx_outcome tdx_rtmr_extend(struct tdx_vm *vm, unsigned int vcpu,
				    const struct tdx_regs *regs, uint64_t *status,
				    struct tdx_answer *answer)
{
	uint8_t *data;
	enum tdx_outcome outcome;

	outcome = use_buffer(vm, vcpu, regs->r[TDX_RCX], 64, ACCESS_READ, TDX_OPERAND_RCX,
			     &data, status, answer);
	if (outcome == TDX_DONE && !*status && regs->r[TDX_RDX] > 3)
		*status = TDX_OPERAND_INVALID | TDX_OPERAND_RDX;
	return outcome;
}
