/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Code at a kernel's addresses: the first GiB of memory is mapped a second
 * time where Linux has its text, so that the emulator takes what runs there
 * for the kernel proper. Direct calls from there stay there.
 */
#ifndef TEST_GUEST_KERNEL_MAP_H
#define TEST_GUEST_KERNEL_MAP_H

#include "runtime.h"

#define KERNEL_MAP 0xffffffff80000000ull

static inline void map_kernel(void)
{
	static u64 table[512] __attribute__((aligned(4096)));
	u64 *top = (u64 *)TABLES;

	table[510] = PRIVATE_BIT | 0xe7;	/* 1 GiB, dirty, accessed, user, writable, present */
	top[511] = (u64)table | PRIVATE_BIT | 7;
}

#define SECOND_MAP (KERNEL_MAP + 24 * UNIT)
#define LARGE (PRIVATE_BIT | 0xe7)	/* 2 MiB, dirty, accessed, user, writable, present */

/* The first 2 MiB of memory at another place of the kernel map, and nothing else there */
static inline void map_second_kernel(void)
{
	static u64 table[512] __attribute__((aligned(4096)));
	static u64 leaves[512] __attribute__((aligned(4096)));
	u64 *top = (u64 *)TABLES;

	leaves[24] = LARGE;
	table[510] = (u64)leaves | PRIVATE_BIT | 7;
	top[511] = (u64)table | PRIVATE_BIT | 7;
	__asm__ volatile("mov %%cr3, %%rax\nmov %%rax, %%cr3" : : : "rax", "memory");
}

/* void run_in_kernel_map(routine): routine and stack by their other addresses */
void run_in_kernel_map(void (*routine)(void));
/* the same, on the stack as it is */
void run_in_kernel_map_on_this_stack(void (*routine)(void));

__asm__(".text\n"
	"run_in_kernel_map:\n"
	"	push %rbx\n"
	"	mov $0xffffffff80000000, %rbx\n"
	"	add %rbx, %rdi\n"
	"	add %rbx, %rsp\n"
	"	call *%rdi\n"
	"	sub %rbx, %rsp\n"
	"	pop %rbx\n"
	"	ret\n"
	"run_in_kernel_map_on_this_stack:\n"
	"	mov $0xffffffff80000000, %rax\n"
	"	add %rax, %rdi\n"
	"	jmp *%rdi\n");

#endif
