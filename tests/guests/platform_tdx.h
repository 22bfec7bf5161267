/* SPDX-License-Identifier: GPL-2.0-only */
/* What only TDX guests have: TDCALL leaves and TDVMCALL. */
#ifndef TEST_GUEST_TDX_H
#define TEST_GUEST_TDX_H

#include "runtime.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

#define SHARED_BIT (1ull << 47)

struct vmcall {
	u64 r10, r11, r12, r13, r14, r15;
};

/* R10 of the answer; all six registers come back */
u64 tdvmcall(struct vmcall *call);
/* PAGE.ACCEPT with the operand as it is; RAX */
u64 page_accept(u64 rcx);
/* PAGE.RELEASE with the operand as it is; RAX */
u64 page_release(u64 rcx);
/* VM.RD; VM.WR of the bits in mask; RAX. *value: read, or the old one */
u64 vm_read(u64 field, u64 *value);
u64 vm_write(u64 field, u64 value, u64 mask);
/* MapGPA with the GPA as it is; R10 */
u64 map_gpa(u64 gpa, u64 size, u64 *r11);
/* VEINFO.GET: RAX, and the registers */
u64 ve_info(u64 registers[16]);
/* ReportFatalError with a message of up to 64 bytes */
void report_fatal_error(u64 code, const char *message);

#endif
