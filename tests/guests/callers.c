/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who wanted memory: `wants...` call `carrier`, which accepts, and the
 * emulator has to find the first from the stack. No frame pointers anywhere.
 */
#include "kernel_map.h"

static u64 next = FRESH;

/* a page at a time */
void accept_next(void)
{
	accept(next, PAGE);
	next += PAGE;
}

void wants(void), wants_deep(void), wants_across_pages(void), wants_stale(void),
	wants_by_pointer(void), wants_by_table(void), wants_jumped(void),
	wants_after_exit(void);

__asm__(".text\n"
	".globl carrier, carrier_deep\n"
	"carrier: sub $8, %rsp\n"
	"	call accept_next\n"
	"	add $8, %rsp\n"
	"	ret\n"

	/*
	 * On the stack: what points nowhere into the text, a return address of
	 * a call that ends `carrier_deep` (it is that of the next function),
	 * and a KiB of something else.
	 */
	"carrier_deep:\n"
	"	push $-0x70000000\n"	/* 0xffffffff90000000: in the kernel map, beyond all text */
	"	mov $wants + 0xffffffff80000000, %rax\n"
	"	push %rax\n"
	"	sub $1040, %rsp\n"
	"	mov %rsp, %rdi\n"
	"	mov $130, %ecx\n"
	"	xor %eax, %eax\n"
	"	rep stosq\n"
	"	call accept_next\n"
	"	add $1056, %rsp\n"
	"	ret\n"

	/* Nearer than its caller: an address in `wants_stale` that no call left there */
	"carrier_stale:\n"
	"	mov $stale + 0xffffffff80000000, %rax\n"
	"	push %rax\n"
	"	call accept_next\n"
	"	add $8, %rsp\n"
	"	ret\n"

	/* Nearer than its caller: what a call of a function that exits left there */
	"carrier_after_exit:\n"
	"	mov $after_exit + 0xffffffff80000000, %rax\n"
	"	push %rax\n"
	"	call accept_next\n"
	"	add $8, %rsp\n"
	"	ret\n"

	".globl exits, exits_end\n"
	"exits:	ret\n"
	"exits_end:\n"

	".globl wants, after_wants, after_deep, after_across, wants_end\n"
	"wants:	sub $8, %rsp\n"
	"	call carrier\n"
	"after_wants:\n"
	"	add $8, %rsp\n"
	"	ret\n"

	".globl wants_deep\n"
	"wants_deep: sub $8, %rsp\n"
	"	call carrier_deep\n"
	"after_deep:\n"
	"	add $8, %rsp\n"
	"	ret\n"

	".globl wants_stale, stale, after_stale\n"
	"wants_stale: sub $8, %rsp\n"
	"stale:	nop\n"
	"	call carrier_stale\n"
	"after_stale:\n"
	"	add $8, %rsp\n"
	"	ret\n"

	".globl wants_after_exit, after_exit, after_carrier\n"
	"wants_after_exit: sub $8, %rsp\n"
	"	call exits\n"
	"after_exit:\n"
	"	call carrier_after_exit\n"
	"after_carrier:\n"
	"	add $8, %rsp\n"
	"	ret\n"

	/* A call through a register, which does not say whom it calls */
	".globl wants_by_pointer, after_pointer\n"
	"wants_by_pointer: sub $8, %rsp\n"
	"	lea carrier(%rip), %rax\n"
	"	call *%rax\n"
	"after_pointer:\n"
	"	add $8, %rsp\n"
	"	ret\n"

	/* The same through memory: opcode, ModRM, SIB and a displacement */
	".globl wants_by_table, after_table\n"
	"wants_by_table: sub $24, %rsp\n"
	"	lea carrier(%rip), %rax\n"
	"	mov %rax, 8(%rsp)\n"
	"	mov $1, %eax\n"
	"	call *0(%rsp,%rax,8)\n"
	"after_table:\n"
	"	add $24, %rsp\n"
	"	ret\n"

	/* No call: a return address that was pushed by hand */
	".globl wants_jumped, no_call\n"
	"wants_jumped: sub $8, %rsp\n"
	"	lea no_call(%rip), %rax\n"
	"	push %rax\n"
	"	jmp carrier\n"
	"no_call: add $8, %rsp\n"
	"	ret\n"

	/* The return address is the first word of a page, the rest lies in the page before. */
	".globl wants_across_pages\n"
	"wants_across_pages:\n"
	"	push %rbx\n"
	"	mov %rsp, %rbx\n"
	"	and $-4096, %rsp\n"
	"	sub $4096 - 8, %rsp\n"
	"	call carrier\n"
	"after_across:\n"
	"	mov %rbx, %rsp\n"
	"	pop %rbx\n"
	"	ret\n"
	"wants_end:\n");

static void run(void (*routine)(void))
{
	map_kernel();
	run_in_kernel_map(routine);
	say("done");
}

void case_wants(void)
{
	run(wants);
}

void case_deep(void)
{
	run(wants_deep);
}

void case_stale(void)
{
	run(wants_stale);
}

void case_after_exit(void)
{
	run(wants_after_exit);
}

void case_by_pointer(void)
{
	run(wants_by_pointer);
}

void case_by_table(void)
{
	run(wants_by_table);
}

void case_jumped(void)
{
	run(wants_jumped);
}

void case_across_pages(void)
{
	run(wants_across_pages);
}

/* The kernel's code on a stack that is not the kernel's: early boot */
void case_low_stack(void)
{
	map_kernel();
	run_in_kernel_map_on_this_stack(wants);
	say("done");
}
