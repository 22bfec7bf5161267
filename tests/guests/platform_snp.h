/* SPDX-License-Identifier: GPL-2.0-only */
/* What only SNP guests have: the GHCB MSR, the GHCB page, save areas. */
#ifndef TEST_GUEST_SNP_H
#define TEST_GUEST_SNP_H

#include "runtime.h"

#define MSR_GHCB 0xc0010130

/* Offsets in the GHCB page (Linux asm/svm.h) */
enum {
	GHCB_RAX = 0x1f8, GHCB_RCX = 0x308, GHCB_RDX = 0x310, GHCB_RBX = 0x318,
	GHCB_CODE = 0x390, GHCB_INFO1 = 0x398, GHCB_INFO2 = 0x3a0, GHCB_SCRATCH = 0x3a8,
	GHCB_VALID = 0x3f0, GHCB_BUFFER = 0x800, GHCB_VERSION = 0xffa, GHCB_USAGE = 0xffc,
};

/* GPA of this vCPU's GHCB, and where it is mapped shared */
u64 ghcb_gpa(void);
volatile u8 *ghcb(void);
void ghcb_begin(void);
void ghcb_set(unsigned int offset, u64 value);
u64 ghcb_get(unsigned int offset);
/* what was set, with the exit's three fields; returns INFO1 << 32 | INFO2's low half */
u64 ghcb_exit(u64 code, u64 info1, u64 info2);
/* The MSR protocol; the GHCB's address is in the MSR afterwards. */
u64 ghcb_msr(u64 request);
/* MSR protocol: page state change of one page, op 1 private, 2 shared; the response */
u64 msr_psc(u64 gpa, u64 op);
/* a page that AP creation may use; not an SNP save area before RMPADJUST */
u64 fill_save_area(u64 index);

#endif
