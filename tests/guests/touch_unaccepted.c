/* SPDX-License-Identifier: GPL-2.0-only */
/* A page that nobody accepted is read, written, executed, walked through. */
#include "runtime.h"

#define PRESENT_WRITABLE_USER 7ull

void case_read(void)
{
	say("read=%x", read8(FRESH + 0x123));
}

void case_write(void)
{
	say("write=%x", write64(FRESH + PAGE + 8, 1));
}

/* Read-modify-writes, and what looks like them: one case each */
#define MODIFY(name) \
	void case_##name(void) \
	{ \
		u64 name(u64 gva, u64 value); \
		say("result=%x", name(FRESH + PAGE, 1)); \
	}

MODIFY(exchange64)
MODIFY(add64)
MODIFY(add8)
MODIFY(add_immediate)
MODIFY(locked_add32)
MODIFY(shift)
MODIFY(shift_by_cl)
MODIFY(not)
MODIFY(increment)
MODIFY(set_bit)
MODIFY(clear_bit)
MODIFY(compare_exchange)
MODIFY(exchange_add)
MODIFY(compare_exchange16)
MODIFY(double_shift)
MODIFY(exchange_across_pages)
MODIFY(compare)
MODIFY(compare_immediate)
MODIFY(test)
MODIFY(multiply)
MODIFY(add_to_register)
MODIFY(test_bit)
MODIFY(push_operand)

void case_fetch(void)
{
	fetch(FRESH + 2 * PAGE + 0x10);
	say("fetched");
}

/* The entry of the top-level table leads to a table that was not accepted. */
void case_walk(void)
{
	u64 *top = (u64 *)TABLES;

	top[WINDOW >> 39 & 511] = (FRESH + 3 * PAGE) | PRIVATE_BIT | PRESENT_WRITABLE_USER;
	say("walk=%x", read8(WINDOW + 0x1000));
}

void case_user_read(void)
{
	run_at_cpl3(user_read);
	say("user");
}

/* As a kernel does: nobody handles it. */
void case_fatal(void)
{
	fatal = 1;
	read8(FRESH + 0x123);
	say("not reached");
}

/* Twice the same page: nothing may be cached from the refused access. */
void case_read_twice(void)
{
	read8(FRESH);
	read8(FRESH);
	say("exceptions=%x", exceptions);
	say("accept=%x", accept(FRESH, PAGE));
	say("read=%x", read8(FRESH));
	say("exceptions=%x", exceptions);
}
