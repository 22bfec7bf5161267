/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx_leaves.h"

#include "tdx_vm.h"

static uint64_t accepted_in(const struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	const struct sept_unit *unit = &vm->host.sept.unit[gpa / MODEL_UNIT_SIZE];
	uint64_t bytes = 0, page;

	if (unit->state != SEPT_NL_MAPPED)
		return tdx_vm_page_state(vm, gpa) == PAGE_ACCEPTED ? size : 0;
	for (page = gpa; page < gpa + size; page += MODEL_PAGE_SIZE)
		if (tdx_vm_page_state(vm, page) == PAGE_ACCEPTED)
			bytes += MODEL_PAGE_SIZE;
	return bytes;
}

static void convert_event(const struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa,
			  uint64_t size, uint64_t status, uint64_t detail)
{
	host_mem_event(&vm->host.mem, vcpu, EVENT_CONVERT, gpa, size, status, detail);
}

static void convert(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
		    enum convert_to to)
{
	uint64_t end = gpa + size, part;

	for (; gpa < end; gpa += part) {
		part = host_mem_in_unit(gpa, end);
		if (to == CONVERT_SHARED) {
			vm->accepted -= accepted_in(vm, gpa, part);
			tdx_host_make_shared(&vm->host, vcpu, gpa, part);
		} else {
			vm->accepted += tdx_host_make_private(&vm->host, vcpu, gpa, part);
		}
	}
}

void tdx_convert(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
		 uint64_t detail)
{
	convert_event(vm, vcpu, gpa, size, 0, detail);
	convert(vm, vcpu, gpa, size, detail & 0xff);
}

/*
 * R10 for the operands as KVM and QEMU check them: a device's address may be made
 * shared, which it is already, and never private (semantics.md 2.7.9).
 */
static uint64_t map_gpa_check(const struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t shared_bit = tdx_vm_shared_bit(vm), last = gpa + size - 1;

	if (!size || last < gpa || (gpa & shared_bit) != (last & shared_bit) ||
	    last >> vm->config.gpaw)
		return TDVMCALL_INVALID_OPERAND;
	if ((gpa | size) % MODEL_PAGE_SIZE)
		return TDVMCALL_ALIGN_ERROR;
	if (!(gpa & shared_bit) && !ram_contains(&vm->host.mem.ram, gpa, size))
		return TDVMCALL_INVALID_OPERAND;
	return TDVMCALL_SUCCESS;
}

/* Converts what is RAM in [gpa, gpa + size), one event per stretch; none: one of 0 bytes */
static void convert_ram(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
			uint64_t status, enum convert_to to)
{
	uint64_t at = gpa, end = gpa + size, start, stop;

	while (at < end && ram_next(&vm->host.mem.ram, at, end, &start, &stop)) {
		convert_event(vm, vcpu, start, stop - start, status, to);
		convert(vm, vcpu, start, stop - start, to);
		at = stop;
	}
	if (at == gpa)
		convert_event(vm, vcpu, gpa, 0, status, to);
}

void tdx_map_gpa(struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs,
		    const struct tdx_vmcall *vmcall)
{
	uint64_t shared_bit = tdx_vm_shared_bit(vm), start = vmcall->gpa;
	uint64_t gpa = start & ~shared_bit, size = vmcall->value;
	enum convert_to to = start & shared_bit ? CONVERT_SHARED : CONVERT_PRIVATE;
	uint64_t status = map_gpa_check(vm, start, size), done = size;

	if (!status && vm->retries) {
		vm->retries--;
		status = TDVMCALL_RETRY;
		done = 0;
	} else if (!status && vm->config.map_gpa_chunk && size > vm->config.map_gpa_chunk) {
		status = TDVMCALL_RETRY;
		done = vm->config.map_gpa_chunk;
	}
	if (status == TDVMCALL_SUCCESS || status == TDVMCALL_RETRY)
		convert_ram(vm, vcpu, gpa, done, status, to);
	else
		convert_event(vm, vcpu, gpa, size, status, to);
	tdx_vmcall_status(regs, vmcall, status,
			  status == TDVMCALL_RETRY ? start + done :
			  status ? start : regs->r[TDX_R11]);
}
