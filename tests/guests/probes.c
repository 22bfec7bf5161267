/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of functions in the kernel map, for probes on them. */
#include "kernel_map.h"

void calls(void), locks(void), recursion(void), known_site(void), abandoned(void);

/* `sum` and `nested` are what is probed. */
__asm__(".text\n"
	".globl sum\n"
	"sum:	lea (%rdi,%rsi), %rax\n"
	"	ret\n"
	".globl nested\n"
	"nested:	mov %rdi, %rax\n"
	"	test %rdi, %rdi\n"
	"	jz 1f\n"
	"	dec %rdi\n"
	"	call nested\n"
	".globl after_nested\n"
	"after_nested:\n"
	"	inc %rax\n"
	"1:	ret\n"

	".globl calls, in_passing, after_first, after_second\n"
	"calls:	mov $3, %edi\n"
	"in_passing:\n"
	"	mov $4, %esi\n"
	"	call sum\n"
	"after_first:\n"
	"	mov $5, %edi\n"
	"	mov $6, %esi\n"
	"	call sum\n"
	"after_second:\n"
	"	ret\n"

	/* two addresses as a kernel's data would have them */
	".globl locks, lock, other_lock\n"
	"lock:	nop\n"
	"other_lock: nop\n"
	"locks:	mov $other_lock + 0xffffffff80000000, %rdi\n"
	"	call sum\n"
	"	mov $lock + 0xffffffff80000000, %rdi\n"
	"	call sum\n"
	"	mov $lock, %rdi\n"
	"	call sum\n"
	"	ret\n"

	".globl recursion\n"
	"recursion: mov $3, %edi\n"
	"	call nested\n"
	"	ret\n"

	/* The place that the call returns to ran before the call. */
	".globl known_site, ran_before\n"
	"known_site: xor %ecx, %ecx\n"
	"	jmp ran_before\n"
	"1:	mov $1, %edi\n"
	"	mov $2, %esi\n"
	"	call sum\n"
	"ran_before:\n"
	"	inc %ecx\n"
	"	cmp $2, %ecx\n"
	"	jb 1b\n"
	"	ret\n"

	/* A call that never returns, and then another's place of return with the same stack */
	".globl abandoned, after_whole\n"
	"abandoned:\n"
	"	xor %ecx, %ecx\n"
	"	mov $1, %edi\n"
	"	mov $2, %esi\n"
	"	call sum\n"
	"after_whole:\n"
	"	test %ecx, %ecx\n"
	"	jnz 1f\n"
	"	mov $1, %ecx\n"
	"	lea after_whole(%rip), %rdx\n"
	"	call leaves_for_good\n"
	"	ud2\n"
	".globl leaves_for_good\n"
	"leaves_for_good:\n"
	"	add $8, %rsp\n"
	"	jmp *%rdx\n"
	"1:	ret\n");

static void run(void (*routine)(void))
{
	map_kernel();
	run_in_kernel_map(routine);
	say("done");
}

void case_calls(void)
{
	run(calls);
}

void case_locks(void)
{
	run(locks);
}

void case_recursion(void)
{
	run(recursion);
}

void case_known_site(void)
{
	run(known_site);
}

void case_abandoned(void)
{
	run(abandoned);
}

static void in_userspace(void)
{
	__asm__ volatile("int3");
}

/* As after kexec: userspace, then code outside the kernel map, then a kernel again */
void case_second_kernel(void)
{
	run(calls);
	run_at_cpl3(in_userspace);
	__asm__ volatile("mov %%cr3, %%rax\nmov %%rax, %%cr3" : : : "rax", "memory");
	run(calls);
}
