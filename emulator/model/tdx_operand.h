/* SPDX-License-Identifier: GPL-2.0-only */
/* RCX of the leaves on pages, ACCEPT and RELEASE: level 2:0, GPA 51:12 (semantics.md 2.2, 2.11). */
#ifndef ACCEPTLAB_TDX_OPERAND_H
#define ACCEPTLAB_TDX_OPERAND_H

#include "tdx_vm.h"

/*
 * Takes RCX apart; 1 if it names a private page of 4K or 2M, aligned, with no reserved
 * bit set. *size: bytes, 0 for a level that does not exist.
 */
static inline int tdx_page_operand(const struct tdx_vm *vm, uint64_t rcx, uint64_t *gpa,
				   unsigned int *level, uint64_t *size)
{
	*level = rcx & 7;
	*gpa = rcx & 0x000ffffffffff000ull;
	*size = *level <= SEPT_1G ? MODEL_PAGE_SIZE << 9 * *level : 0;
	return *level <= SEPT_2M && !(rcx & 0xff8) && !(rcx >> 52) && !(*gpa % *size) &&
	       !tdx_beyond_width(vm, *gpa);
}

#endif
