/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of functions in the kernel map, for probes on them. */
#include "kernel_map.h"

void calls(void), locks(void), recursion(void), known_site(void), abandoned(void);
void beside(void), elsewhere(void), with_address(void), own_lock(void);

extern volatile u64 stack_of_stays;
static volatile u64 spinning;
const u64 fresh = FRESH;

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

	/* an address of data as it is wherever the code runs */
	".globl own_lock\n"
	"own_lock: lea lock(%rip), %rdi\n"
	"	call sum\n"
	"	mov $3, %edi\n"
	"	call nested\n"
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
	"1:	ret\n"

	".globl with_address\n"
	"with_address:\n"
	"	mov fresh(%rip), %rdi\n"
	"	mov $4096, %esi\n"
	"	call sum\n"
	"	ret\n"

	/* Each PAUSE is another vCPU's turn. */
	".globl beside, pauses\n"
	"beside: call pauses\n"
	"	ret\n"
	"pauses: mov $20, %ecx\n"
	"1:	pause\n"
	"	dec %ecx\n"
	"	jnz 1b\n"
	"	ret\n"

	/* A call that another vCPU ends, as after a migration; the first goes on without it. */
	".globl elsewhere, stays, stack_of_stays\n"
	"elsewhere:\n"
	"	call stays\n"
	"	movq $1, went(%rip)\n"
	"1:	pause\n"
	"	jmp 1b\n"
	"stays:	mov %rsp, stack_of_stays(%rip)\n"
	"1:	pause\n"
	"	cmpq $0, went(%rip)\n"
	"	je 1b\n"
	"	add $8, %rsp\n"
	"	ret\n"
	".data\n"
	"stack_of_stays: .quad 0\n"
	"went:	.quad 0\n"
	".text\n");

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

/* An argument looks like memory, and then that memory is touched. */
void case_argument_is_an_address(void)
{
	run(with_address);
	read64(FRESH);
}

static void spin(u64 index)
{
	(void)index;
	spinning = 1;
	for (;;)
		spinning++; /* a loop without a store gets no turn while another vCPU has work */
}

void case_beside_another(void)
{
	ap_routine = spin;
	start_cpu(1);
	while (!spinning)
		cpu_pause();
	run(beside);
}

static void end_the_call(u64 index)
{
	(void)index;
	while (!stack_of_stays)
		cpu_pause();
	__asm__ volatile("mov %0, %%rsp\nret" : : "r"(stack_of_stays));
}

void case_ends_elsewhere(void)
{
	ap_routine = end_the_call;
	start_cpu(1);
	run(elsewhere);
}

static void in_userspace(void)
{
	__asm__ volatile("int3");
}

/* As after kexec: userspace, then code outside the kernel map, then a kernel elsewhere */
void case_second_kernel(void)
{
	void (*there)(void) = (void (*)(void))(SECOND_MAP + (u64)own_lock);

	run(own_lock);
	run_at_cpl3(in_userspace);
	map_second_kernel();
	there();
	say("done");
}
