/* SPDX-License-Identifier: GPL-2.0-only */
/* Accesses at the end of accepted memory: 8 bytes of which 7 lie behind it. */
#include "runtime.h"

static const u64 end = FRESH + PAGE;

void case_read_up_to_end(void)
{
	accept(FRESH, PAGE);
	say("read=%x", read64(end - 8));
	say("exceptions=%x", exceptions);
}

void case_read_across(void)
{
	accept(FRESH, PAGE);
	say("read=%x", read64(end - 1));
}

/* An access that faults has no effect at all. */
void case_write_across(void)
{
	accept(FRESH, PAGE);
	write8(end - 1, 0x5a);
	say("write=%x", write64(end - 1, 0));
	say("first=%x", read8(end - 1));
}

void case_read_into(void)
{
	accept(end, PAGE);
	say("read=%x", read64(end - 7));
}

/* movabs of ten bytes: three before the end, seven behind it */
void case_fetch_across(void)
{
	accept(FRESH, PAGE);
	write8(end - 3, 0x48);
	write8(end - 2, 0xb8);
	write8(end - 1, 0);
	fetch(end - 3);
	say("fetched");
}

/* rep stosb from accepted memory into what is not: it goes on where it stopped */
void case_string(void)
{
	u64 to = FRESH, count = 2 * PAGE;

	accept(FRESH, PAGE);
	__asm__ volatile(".globl at_stosb\nat_stosb: rep stosb\n1:\n"
			 ".pushsection .fixups, \"a\"\n.quad at_stosb, 1b\n.popsection"
			 : "+D"(to), "+c"(count) : "a"(0x5a) : "memory");
	say("to=%x", to);
	say("count=%x", count);
	say("last=%x", read8(FRESH + PAGE - 1));
}
