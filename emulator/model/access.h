/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One access of a guest to its physical memory, and what becomes of it.
 * Both platforms use the same words; snp.h and tdx.h say which can occur.
 */
#ifndef ACCEPTLAB_ACCESS_H
#define ACCEPTLAB_ACCESS_H

#include <stdint.h>

#include "event.h"

#define MODEL_PAGE_SIZE 0x1000ull
#define MODEL_UNIT_SIZE 0x200000ull
#define MODEL_UNIT_PAGES 512u

struct access {
	uint64_t gpa;		/* without the C-bit or SHARED bit */
	uint64_t gla;		/* linear address (TDX: reported in the #VE) */
	uint8_t kind;		/* enum access_kind */
	uint8_t private;	/* 1: C-bit set, or SHARED bit clear */
	uint8_t vmpl;		/* SNP only */
	uint8_t user;		/* 1: CPL 3 (SNP: which execute permission counts) */
};

enum access_verdict {
	VERDICT_ALLOWED = 0,
	VERDICT_CIPHERTEXT = 1,	/* SNP: C=0 read of a guest-owned page: unspecified bytes */
	VERDICT_MMIO = 2,	/* shared access to an address that is not RAM */
	VERDICT_GUEST_FAULT = 3,/* SNP: #VC 0x404. TDX: #VE, VE information in the fault */
	VERDICT_RESERVED = 4,	/* TDX: #PF with the reserved bit: GPA beyond the width */
	VERDICT_STOPPED = 5,	/* fatal exit: only the host sees it */
};

/* VE information, as TDG.VP.VEINFO.GET returns it (semantics.md 2.6.9) */
struct ve_info {
	uint32_t reason;	/* VMX exit reason */
	uint32_t length;	/* instruction length */
	uint32_t info;		/* instruction information */
	uint32_t reserved;
	uint64_t qualification;
	uint64_t gla;
	uint64_t gpa;
};

/* Why an access did not succeed; all zero when it did. */
struct access_fault {
	uint32_t stop;		/* enum stop_reason */
	/*
	 * SNP: error code of the #VC, or EXITINFO1[38:31] of the NPF (NPF_*, rmp.h).
	 * TDX: VMX exit reason (48).
	 */
	uint32_t platform;
	uint64_t exit_info;	/* TDX: extended exit qualification (info << 32 | type) */
	struct ve_info ve;	/* TDX, VERDICT_GUEST_FAULT */
};

/* detail of EVENT_FAULT and EVENT_STOP for this access and outcome (event.h) */
static inline uint64_t access_detail(const struct access *access,
				     const struct access_fault *fault)
{
	return access->kind | (access->private ? ACCESS_DETAIL_PRIVATE : 0) |
	       (uint64_t)fault->platform << 32;
}

#endif
