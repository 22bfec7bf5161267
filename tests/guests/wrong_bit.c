/* SPDX-License-Identifier: GPL-2.0-only */
/* The C-bit or the SHARED bit of the mapping does not fit the page. */
#include "runtime.h"

static const u64 at = FRESH + 9 * PAGE;
static const u64 magic = 0x1122334455667788;

void case_shared_write(void)
{
	accept(at, PAGE);
	write64(at + SHARED_ALIAS, 1);
	say("written");
}

void case_shared_read(void)
{
	accept(at, PAGE);
	write64(at, magic);
	say("same=%x", (u64)(read64(at + SHARED_ALIAS) == magic));
	say("private=%x", read64(at));
}

/* What the read brought into the TLB must not permit a write. */
void case_shared_read_then_write(void)
{
	accept(at, PAGE);
	read64(at + SHARED_ALIAS);
	write64(at + SHARED_ALIAS, 1);
	say("written");
}

/* One access, a write: nothing is read before. */
void case_shared_exchange(void)
{
	accept(at, PAGE);
	exchange64(at + SHARED_ALIAS, 1);
	say("exchanged");
}

void case_shared_read_of_unaccepted(void)
{
	say("read=%x", read8(at + SHARED_ALIAS));
}

void case_shared_write_of_unaccepted(void)
{
	say("write=%x", write8(at + SHARED_ALIAS, 1));
}

/* A private page is executed through its shared mapping. */
void case_fetch_private_page(void)
{
	accept(at, PAGE);
	write8(at, 0xc3);	/* ret */
	fetch(at + SHARED_ALIAS);
	say("fetched exceptions=%x", exceptions);
	/* the fetch must not have opened the page for shared reads */
	say("same=%x", (u64)(read8(at + SHARED_ALIAS) == 0xc3));
}

/* A shared page is executed through its shared mapping, data first. */
void case_fetch_shared_page(void)
{
	accept(at, PAGE);
	make_shared(at, PAGE);
	write8(at + SHARED_ALIAS, 0xc3);
	read8(at + SHARED_ALIAS);
	fetch(at + SHARED_ALIAS);
	say("fetched exceptions=%x", exceptions);
}

/* A page table in a shared page, reached by an entry that says shared */
void case_shared_page_table(void)
{
	u64 *top = (u64 *)TABLES;

	accept(at, PAGE);
	make_shared(at, PAGE);
	top[WINDOW >> 39 & 511] = at | 7;
	say("read=%x", read8(WINDOW));
}
