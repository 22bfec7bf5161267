/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdcall.h"

#include <string.h>

/* RAX, RCX and RSP are never passed on; bits 63:32 are reserved */
#define MASK_FORBIDDEN (1ull << TDX_RAX | 1ull << TDX_RCX | 1ull << TDX_RSP | ~0xffffffffull)

int tdcall_split(uint64_t rax, unsigned int *leaf, unsigned int *version)
{
	*leaf = rax & 0xffff;
	*version = rax >> 16 & 0xff;
	return rax >> 24 ? -1 : 0;
}

static int is_size(uint64_t size, uint64_t max)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && size <= max;
}

static void decode_io(struct tdx_vmcall *vmcall)
{
	const uint64_t *r = vmcall->regs.r;

	vmcall->size = r[TDX_R12];
	vmcall->write = r[TDX_R13];
	vmcall->index = r[TDX_R14];
	vmcall->value = r[TDX_R15];
	vmcall->valid = is_size(r[TDX_R12], 4) && r[TDX_R13] <= 1 && r[TDX_R14] <= 0xffff;
}

static void decode_mmio(struct tdx_vmcall *vmcall)
{
	const uint64_t *r = vmcall->regs.r;

	vmcall->size = r[TDX_R12];
	vmcall->write = r[TDX_R13];
	vmcall->gpa = r[TDX_R14];
	vmcall->value = r[TDX_R15];
	vmcall->valid = is_size(r[TDX_R12], 8) && r[TDX_R13] <= 1;
}

static void decode_function(struct tdx_vmcall *vmcall)
{
	const uint64_t *r = vmcall->regs.r;

	vmcall->valid = 1;
	switch (vmcall->function) {
	case TDVMCALL_CPUID:
		vmcall->index = r[TDX_R12];
		vmcall->subleaf = r[TDX_R13];
		vmcall->valid = !(r[TDX_R12] >> 32 | r[TDX_R13] >> 32);
		break;
	case TDVMCALL_HLT:
		vmcall->interrupts_blocked = !!r[TDX_R12];
		break;
	case TDVMCALL_IO:
		decode_io(vmcall);
		break;
	case TDVMCALL_RDMSR:
	case TDVMCALL_WRMSR:
		vmcall->index = r[TDX_R12];
		vmcall->value = r[TDX_R13];
		vmcall->valid = !(r[TDX_R12] >> 32);
		break;
	case TDVMCALL_MMIO:
		decode_mmio(vmcall);
		break;
	case TDVMCALL_MAP_GPA:
	case TDVMCALL_GET_QUOTE:
	case TDVMCALL_REPORT_FATAL_ERROR:
		vmcall->gpa = r[TDX_R12];
		vmcall->value = r[TDX_R13];
		break;
	}
}

int tdvmcall_decode(const struct tdx_regs *regs, struct tdx_vmcall *vmcall)
{
	unsigned int i;

	memset(vmcall, 0, sizeof(*vmcall));
	vmcall->mask = regs->r[TDX_RCX];
	if (vmcall->mask & MASK_FORBIDDEN)
		return -1;
	for (i = 0; i < TDX_REGS; i++)
		if (vmcall->mask >> i & 1)
			vmcall->regs.r[i] = regs->r[i];
	vmcall->vendor = vmcall->regs.r[TDX_R10];
	vmcall->function = vmcall->regs.r[TDX_R11];
	if (!vmcall->vendor)
		decode_function(vmcall);
	return 0;
}

void tdx_vmcall_return(struct tdx_regs *regs, const struct tdx_vmcall *vmcall,
		       const struct tdx_regs *results)
{
	unsigned int i;

	regs->r[TDX_RAX] = 0;
	for (i = 0; i < TDX_REGS; i++)
		if (vmcall->mask >> i & 1)
			regs->r[i] = results->r[i];
}

void tdx_vmcall_status(struct tdx_regs *regs, const struct tdx_vmcall *vmcall,
		       uint64_t r10, uint64_t r11)
{
	struct tdx_regs results = *regs;

	results.r[TDX_R10] = r10;
	results.r[TDX_R11] = r11;
	tdx_vmcall_return(regs, vmcall, &results);
}
