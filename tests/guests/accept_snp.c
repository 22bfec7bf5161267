/* SPDX-License-Identifier: GPL-2.0-only */
/* PVALIDATE: every result it can have (EAX, CF), and every fault. */
#include "platform_snp.h"

static void say_result(const char *what, u64 result)
{
	say("%s eax=%x cf=%x", what, (u64)(u32)result, result >> 32);
}

void case_twice(void)
{
	say_result("first", pvalidate(FRESH, 0, 1));
	say_result("second", pvalidate_from_clear(FRESH, 0, 1));
	say_result("unit", pvalidate(FRESH + UNIT, 1, 1));
	say_result("unit-again", pvalidate_from_clear(FRESH + UNIT, 1, 1));
}

void case_rescind_twice(void)
{
	pvalidate(FRESH, 0, 1);
	say_result("first", pvalidate(FRESH, 0, 0));
	say_result("second", pvalidate_from_clear(FRESH, 0, 0));
	say_result("never", pvalidate_from_clear(FRESH + PAGE, 0, 0));
}

/* The whole of EDX but bit 0 is whatever the caller left there. */
void case_upper_edx(void)
{
	say_result("accept", pvalidate(FRESH, 0, 0xffffff01));
	say_result("rescind", pvalidate(FRESH, 0, 0xffffff00));
}

void case_unit_of_pages(void)
{
	say_result("unit", pvalidate(FRESH, 1, 1));
	say_result("page", pvalidate(FRESH, 0, 1));
	say("read=%x", read8(FRESH));
}

void case_page_of_unit(void)
{
	say_result("page", pvalidate(FRESH + 5 * PAGE, 0, 1));
	say("accepted=%x", read8(FRESH + 5 * PAGE));
	say("before=%x", read8(FRESH + 4 * PAGE));
	say("after=%x", read8(FRESH + 6 * PAGE));
	say_result("unit", pvalidate(FRESH, 1, 1));
}

/* An accepted unit, one of whose pages is given back */
void case_rescind_page_of_unit(void)
{
	say_result("unit", pvalidate(FRESH, 1, 1));
	say_result("page", pvalidate(FRESH + PAGE, 0, 0));
	say("before=%x", read8(FRESH));
	say("rescinded=%x", read8(FRESH + PAGE));
}

void case_operands(void)
{
	say_result("size", pvalidate(FRESH, 2, 1));
	say_result("misaligned", pvalidate(FRESH + PAGE, 1, 1));
}

/* Bits 11..0 of the address do not count. */
void case_inside_page(void)
{
	say_result("inside", pvalidate(FRESH + 0x7ff, 0, 1));
	say("read=%x", read8(FRESH));
}

void case_cpl3(void)
{
	run_at_cpl3(user_pvalidate);
	run_at_cpl3(user_rmpadjust);
}

void case_unmapped(void)
{
	say("result=%x", pvalidate(WINDOW, 0, 1));
}

void case_noncanonical(void)
{
	say("result=%x", pvalidate(1ull << 62, 0, 1));
}

void case_foreign(void)
{
	u64 registers[16] = { 1 };

	tdcall(registers);
}
