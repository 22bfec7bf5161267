/* SPDX-License-Identifier: GPL-2.0-only */
/* What only TDX guests have: TDCALL leaves and TDVMCALL (semantics.md 2.1 and 2.7). */
#ifndef CONFORMANCE_TDX_H
#define CONFORMANCE_TDX_H

#include "guest.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

#define VE 20ull				/* vector of #VE */
#define LEVEL_2M 1ull
#define LEVEL_1G 2ull
#define CONFIG_FLAGS 0x1110000300000016		/* fields of VM.RD: semantics.md 2.8.3, 2.8.2, 2.9.2 */
#define NOTIFY_ENABLES 0x9100000000000010

#define OPERAND_INVALID(operand) (0xc000010000000000 | (operand))	/* 2.1.2, 2.2.1 */
#define ALREADY_ACCEPTED(level) (0x00000b0a00000000 | (level))		/* 2.2.2, 2.2.6 */
#define SIZE_MISMATCH (0xc0000b0b00000000 | 1)				/* 2.2.5 */

struct vmcall {
	u64 r10, r11, r12, r13, r14, r15;
};

/* R10 of the answer; all six registers come back */
u64 tdvmcall(struct vmcall *call);
/* RAX of a leaf with RCX as operand */
u64 leaf(u64 rax, u64 rcx);
u64 page_accept(u64 rcx);
/* VM.RD, VM.WR: RAX */
u64 vm_read(u64 field, u64 *value);
u64 vm_write(u64 field, u64 value, u64 mask);
u64 config_flags(void);
/* MapGPA with the GPA as it is: R10 */
u64 map_gpa(u64 gpa, u64 size);
/* a page, or the unit, that is PENDING or not mapped: an accept of it succeeds */
u64 pending_page(void);
u64 pending_unit(void);
/* bits of VP.INFO: GPAW, attributes */
u64 address_width(void);
u64 attributes(void);

#endif
