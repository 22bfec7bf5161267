/* SPDX-License-Identifier: GPL-2.0-only */
/* Exceptions whose own delivery needs memory that was never accepted. */
#include "runtime.h"
#ifdef TDX
#include "platform_tdx.h"
#endif

struct pointer {
	u16 limit;
	u64 base;
} __attribute__((packed));

/* The descriptor table itself was never accepted. */
void case_idt(void)
{
	struct pointer idt = { 0xfff, FRESH };

	__asm__ volatile("lidt %0" : : "m"(idt));
	ud2();
	say("not reached");
}

/* The same, for the page fault of an instruction that would have written */
void case_idt_after_exchange(void)
{
	struct pointer idt = { 0xfff, FRESH };

	__asm__ volatile("lidt %0" : : "m"(idt));
	exchange64(WINDOW, 1);
	say("not reached");
}

/* The table of the pages was never accepted: no instruction can be fetched any more. */
void case_page_table(void)
{
	__asm__ volatile("mov %0, %%cr3\n.globl at_new_tables\nat_new_tables: nop" : : "r"((u64)FRESH | PRIVATE_BIT) : "memory");
	say("not reached");
}

/* The stack was never accepted. */
void case_stack(void)
{
	__asm__ volatile("mov %0, %%rsp\n.globl at_push\nat_push: push %%rax"
			 : : "r"((u64)FRESH + PAGE) : "memory");
	say("not reached");
}

/* A page fault whose handler has a stack that was never accepted */
void case_page_fault_stack(void)
{
	set_exception_stack(14, FRESH + PAGE);
	read8(WINDOW);
	say("survived");
}

/* Does nothing about it, so that the instruction faults again. */
static int come_again(struct frame *frame)
{
#ifdef TDX
	u64 registers[16];

	ve_info(registers);
#endif
	(void)frame;
	return 1;
}

void case_handler_that_does_nothing(void)
{
	exception_hook = come_again;
	read8(FRESH);
	say("not reached");
}

static volatile u64 faults;

/* Does something else meanwhile, and accepts the page at last. */
static int wait_then_accept(struct frame *frame)
{
	come_again(frame);
	faults++;
	if (faults == 6000)
		accept(FRESH + PAGE, PAGE);
	if (faults == 12000)
		accept(FRESH, PAGE);
	return 1;
}

void case_handler_that_waits(void)
{
	exception_hook = wait_then_accept;
	say("read=%x", read8(FRESH));
}
