/* SPDX-License-Identifier: GPL-2.0-only */
/* A kernel that enters panic() and does not come out of it, or starts another kernel. */
#include "kernel_map.h"

/* Many instructions in a block cost the emulator little. */
#define LONG ".rept 100\nnop\n.endr"

void circles(void), leaves_it(void), oopses(void);
extern u64 returns;

__asm__(".text\n"
	".globl circles, panics, panics_end\n"
	"circles:\n"
	"	call panics\n"
	"	ret\n"
	"leaves_it:\n"
	"	movq $1, returns(%rip)\n"
	"	call panics\n"
	"	ret\n"
	"panics:	cmpq $0, returns(%rip)\n"
	"	jne 2f\n"
	"1:	" LONG "\n"
	"	jmp 1b\n"
	"2:	ret\n"
	"panics_end:\n"

	/* what oopses in the report of an oops never comes back */
	".globl oopses, oops, oops_end\n"
	"oopses: mov $16, %ecx\n"
	"1:	call oops\n"
	"	loop 1b\n"
	"2:	" LONG "\n"
	"	jmp 2b\n"
	"oops:	ret\n"
	"oops_end:\n"
	".data\n"
	".globl returns\n"
	"returns: .quad 0\n"
	".text\n");

void case_circles(void)
{
	map_kernel();
	run_in_kernel_map(circles);
}

void case_oopses(void)
{
	map_kernel();
	run_in_kernel_map(oopses);
}

static void in_userspace(void)
{
	__asm__ volatile("int3");
}

/* As after a crash: userspace, panic(), then code outside the kernel map, for longer than a panic may take. */
void case_crash_kernel(void)
{
	u64 left;

	map_kernel();
	run_in_kernel_map(leaves_it);
	run_at_cpl3(in_userspace);
	__asm__ volatile("mov %%cr3, %%rax\nmov %%rax, %%cr3" : : : "rax", "memory");
	for (left = 23000000; left; left--)
		__asm__ volatile(LONG);
	say("done");
}

/* A crash kernel at another place that panics, too. */
void case_crash_kernel_panics(void)
{
	void (*there)(void) = (void (*)(void))(SECOND_MAP + (u64)circles);

	map_kernel();
	run_in_kernel_map(leaves_it);
	run_at_cpl3(in_userspace);
	map_second_kernel();
	returns = 0;
	there();
}
