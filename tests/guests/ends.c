/* SPDX-License-Identifier: GPL-2.0-only */
/* How a guest ends. */
#include "runtime.h"
#ifdef TDX
#include "platform_tdx.h"
#endif

void case_power_off(void)
{
	power_off();
}

void case_reset(void)
{
	mmio_write(0xfea00202, 1, 0x42);
	say("not reached");
}

void case_triple_fault(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) none = { 0, 0 };

	__asm__ volatile("lidt %0" : : "m"(none));
	ud2();
	say("not reached");
}

void case_loop(void)
{
	say("looping");
	for (;;)
		cpu_pause();
}

/* Blocks that are linked to each other: nothing but the code itself says where the vCPU is. */
void case_spin(void)
{
	say("spinning");
	__asm__ volatile(".globl spin, spin_end\n"
			 "spin: jmp 1f\n"
			 "nop\n"
			 "1: jmp spin\n"
			 "spin_end:");
}

void case_terminate(void)
{
#ifdef SNP
	terminate(1, 2);
#else
	report_fatal_error(0x80000000, "out of luck, and of 64 bytes for a message to the one who cares");
#endif
	say("not reached");
}

void case_power_off_after_work(void)
{
	u64 work = 20000000;

	say("busy");
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(work));
	power_off();
}
