/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Wire formats of TDCALL and of TDG.VP.VMCALL (semantics.md 2.1, 2.7). Only
 * formats here; tdx.h has the calls that act on them.
 */
#ifndef ACCEPTLAB_TDCALL_H
#define ACCEPTLAB_TDCALL_H

#include <stdint.h>

enum tdx_reg {
	TDX_RAX, TDX_RCX, TDX_RDX, TDX_RBX, TDX_RSP, TDX_RBP, TDX_RSI, TDX_RDI,
	TDX_R8, TDX_R9, TDX_R10, TDX_R11, TDX_R12, TDX_R13, TDX_R14, TDX_R15,
	TDX_REGS
};

struct tdx_regs {
	uint64_t r[TDX_REGS];
};

enum tdx_leaf {
	TDG_VP_VMCALL = 0,
	TDG_VP_INFO = 1,
	TDG_MR_RTMR_EXTEND = 2,
	TDG_VP_VEINFO_GET = 3,
	TDG_MR_REPORT = 4,
	TDG_MEM_PAGE_ACCEPT = 6,
	TDG_VM_RD = 7,
	TDG_VM_WR = 8,
	TDG_SYS_RD = 11,
	TDG_MEM_PAGE_RELEASE = 30,
};

/*
 * Metadata fields as the module lists them (semantics.md 2.1.14, 2.8, 2.9). Of an
 * identifier that a guest gives, class and code alone count.
 */
#define TDX_FIELD_ATTRIBUTES 0x1110000300000000ull
#define TDX_FIELD_NOTIFY_ENABLES 0x9110000300000010ull
#define TDX_FIELD_CONFIG_FLAGS 0x9110000300000016ull
#define TDX_FIELD_TD_CTLS 0x9110000300000017ull
#define TDX_FIELD_TOPOLOGY_ENUM_CONFIGURED 0x9110000000000019ull
#define TDX_FIELD_FEATURES0 0x0a00000300000008ull
#define TDX_FIELD_NONE 0xffffffffffffffffull

/* Sub-functions in R11 (with R10 = 0) */
enum tdvmcall {
	TDVMCALL_CPUID = 10,
	TDVMCALL_HLT = 12,
	TDVMCALL_IO = 30,
	TDVMCALL_RDMSR = 31,
	TDVMCALL_WRMSR = 32,
	TDVMCALL_MMIO = 48,
	TDVMCALL_MAP_GPA = 0x10001,
	TDVMCALL_GET_QUOTE = 0x10002,
	TDVMCALL_REPORT_FATAL_ERROR = 0x10003,
};

/* R10 of the answer */
#define TDVMCALL_SUCCESS 0ull
#define TDVMCALL_RETRY 1ull
#define TDVMCALL_INVALID_OPERAND 0x8000000000000000ull
#define TDVMCALL_GPA_IN_USE 0x8000000000000001ull
#define TDVMCALL_ALIGN_ERROR 0x8000000000000002ull
#define TDVMCALL_UNSUPPORTED 0x8000000000000003ull

/* What the host sees of the registers: those in the mask, others 0. */
struct tdx_vmcall {
	uint64_t mask;		/* RCX */
	uint64_t function;	/* R11, when vendor is 0 */
	uint64_t vendor;	/* R10: not 0 is a vendor's own call */
	struct tdx_regs regs;
	/* decoded by function */
	uint64_t gpa;		/* MMIO: R14 without, MAP_GPA: R12 with the SHARED bit */
	uint64_t value;		/* IO, WRMSR, MMIO: what to write; MAP_GPA: size */
	uint32_t index;		/* IO: port; MSR: index; CPUID: leaf */
	uint32_t subleaf;	/* CPUID */
	uint8_t size;		/* IO, MMIO: bytes */
	uint8_t write;		/* IO, MMIO */
	uint8_t interrupts_blocked;	/* HLT: R12 */
	uint8_t valid;		/* 0: operands make no sense: answer INVALID_OPERAND */
	uint32_t reserved;
};

/* The fields of RAX: 0 if reserved bits are clear */
int tdcall_split(uint64_t rax, unsigned int *leaf, unsigned int *version);
/* Decodes VP.VMCALL. Returns 0, or -1: mask is not allowed (OPERAND_INVALID, RCX). */
int tdvmcall_decode(const struct tdx_regs *regs, struct tdx_vmcall *vmcall);
/*
 * Completes a VMCALL: RAX = 0, and of results the registers in the mask. Put
 * R10 and R11 and whatever the function returns into results.
 */
void tdx_vmcall_return(struct tdx_regs *regs, const struct tdx_vmcall *vmcall,
		       const struct tdx_regs *results);
/* The common short form: status in R10, value in R11, other registers as they were. */
void tdx_vmcall_status(struct tdx_regs *regs, const struct tdx_vmcall *vmcall,
		       uint64_t r10, uint64_t r11);

#endif
