/* SPDX-License-Identifier: GPL-2.0-only */
/* Metadata fields: VM.RD, VM.WR, SYS.RD (semantics.md 2.1.14, 2.6.5, 2.9). */
#include "tdx_leaves.h"

#include "tdx_module.h"
#include "tdx_vm.h"

/*
 * A field identifier: class 61:56 and code 23:0 name the field; size, increment,
 * write mask, context and bit 63 are ignored; the rest must be 0.
 */
#define FIELD_NAME (0x3full << 56 | 0xffffffull)
#define FIELD_RESERVED (0xffull << 24 | 0x1fffull << 34 | 7ull << 47 | 1ull << 55 | 1ull << 62)
#define FIELD_CONTEXT (7ull << 52)

struct field {
	uint64_t id;
	uint64_t *value;
	uint64_t writable;	/* bits that the guest may write */
};

#define VM_FIELDS 5

/* What a guest may name of its TD, in the module's order */
static void vm_fields(struct tdx_vm *vm, struct field field[VM_FIELDS])
{
	field[0] = (struct field){ TDX_FIELD_ATTRIBUTES, &vm->config.attributes, 0 };
	field[1] = (struct field){ TDX_FIELD_NOTIFY_ENABLES, &vm->notify_enables, 1 };
	field[2] = (struct field){ TDX_FIELD_CONFIG_FLAGS, &vm->config.config_flags, 0 };
	field[3] = (struct field){ TDX_FIELD_TD_CTLS, &vm->td_ctls,
				   tdx_module(vm)->td_ctls };
	field[4] = (struct field){ TDX_FIELD_TOPOLOGY_ENUM_CONFIGURED, &vm->topology_configured,
				   0 };
}

static int is_field(uint64_t id, uint64_t field)
{
	return !((id ^ field) & FIELD_NAME) && !(id & FIELD_RESERVED);
}

/* Index of the field; VM_FIELDS if there is none */
static unsigned int find_field(const struct field field[VM_FIELDS], uint64_t id)
{
	unsigned int i;

	for (i = 0; i < VM_FIELDS && !is_field(id, field[i].id); i++)
		;
	return i;
}

static int is_null(uint64_t id)
{
	return (id | FIELD_CONTEXT) == TDX_FIELD_NONE;
}

int tdx_vm_enumerates_topology(const struct tdx_vm *vm)
{
	return !!(vm->td_ctls & (TDX_TD_CTLS_ENUM_TOPOLOGY | TDX_TD_CTLS_REDUCE_VE));
}

uint64_t tdx_vm_rd(struct tdx_vm *vm, struct tdx_regs *regs, unsigned int version)
{
	struct field field[VM_FIELDS];
	uint64_t id = regs->r[TDX_RDX];
	unsigned int i;

	vm_fields(vm, field);
	regs->r[TDX_R8] = 0;
	if (version)
		regs->r[TDX_RDX] = TDX_FIELD_NONE;
	if (version > 1)
		return TDX_OPERAND_INVALID | TDX_OPERAND_RAX;
	if (regs->r[TDX_RCX])
		return TDX_OPERAND_INVALID | TDX_OPERAND_RCX;
	if (version && is_null(id)) {
		regs->r[TDX_RDX] = field[0].id;
		return TDX_METADATA_FIRST_FIELD_ID;
	}
	i = find_field(field, id);
	if (i == VM_FIELDS)
		return TDX_METADATA_FIELD_ID_INCORRECT;
	regs->r[TDX_R8] = *field[i].value;
	if (version && i + 1 < VM_FIELDS)
		regs->r[TDX_RDX] = field[i + 1].id;
	return TDX_SUCCESS;
}

/* The values of TD_CTLS that the TD's configuration allows */
static int td_ctls_valid(const struct tdx_vm *vm, uint64_t old, uint64_t new)
{
	if (!(vm->config.config_flags & TDX_CONFIG_FLEXIBLE_PENDING_VE) &&
	    (old ^ new) & TDX_TD_CTLS_PENDING_VE_DISABLE)
		return 0;
	return vm->topology_configured ||
	       !(new & (TDX_TD_CTLS_ENUM_TOPOLOGY | TDX_TD_CTLS_REDUCE_VE));
}

uint64_t tdx_vm_wr(struct tdx_vm *vm, struct tdx_regs *regs)
{
	uint64_t value = regs->r[TDX_R8], mask = regs->r[TDX_R9], old, new;
	struct field field[VM_FIELDS];
	unsigned int i;

	vm_fields(vm, field);
	regs->r[TDX_R8] = 0;
	if (regs->r[TDX_RCX])
		return TDX_OPERAND_INVALID | TDX_OPERAND_RCX;
	i = find_field(field, regs->r[TDX_RDX]);
	if (i == VM_FIELDS)
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (!(mask & field[i].writable))
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	old = *field[i].value;
	if ((old ^ value) & mask & ~field[i].writable)
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	new = (old & ~mask) | (value & mask);
	if (field[i].value == &vm->td_ctls && !td_ctls_valid(vm, old, new))
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	*field[i].value = new;
	regs->r[TDX_R8] = old;
	return TDX_SUCCESS;
}

/* Of the module's own fields the one that tells its features */
uint64_t tdx_sys_rd(const struct tdx_vm *vm, struct tdx_regs *regs)
{
	uint64_t id = regs->r[TDX_RDX];

	regs->r[TDX_RDX] = TDX_FIELD_NONE;
	regs->r[TDX_R8] = 0;
	if (is_null(id)) {
		regs->r[TDX_RDX] = TDX_FIELD_FEATURES0;
		return TDX_METADATA_FIRST_FIELD_ID;
	}
	if (!is_field(id, TDX_FIELD_FEATURES0))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	regs->r[TDX_R8] = tdx_module(vm)->features0;
	return TDX_SUCCESS;
}
