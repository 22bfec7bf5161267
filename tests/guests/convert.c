/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages that change hands between guest and host, in good and in bad order. */
#include "runtime.h"
#ifdef SNP
#include "platform_snp.h"
#endif

static const u64 at = FRESH + 7 * PAGE;

void case_unaccepted_after(void)
{
	accept(at, PAGE);
	write64(at, 1);
	say("shared=%x", make_shared(at, PAGE));
	say("private=%x", make_private(at, PAGE));
	say("read=%x", read8(at + 0x10));
}

void case_properly(void)
{
	say("accept=%x", accept(at, PAGE));
	say("shared=%x", make_shared(at, PAGE));
	write64(at + SHARED_ALIAS, 0x1122334455667788);
	say("read-shared=%x", read64(at + SHARED_ALIAS));
	say("private=%x", make_private(at, PAGE));
	say("again=%x", accept(at, PAGE));
	write64(at, 5);
	say("read=%x", read64(at));
}

/* Nothing is written between the conversions. */
void case_content(void)
{
	accept(at, PAGE);
	write64(at, 0x1122334455667788);
	make_shared(at, PAGE);
	say("shared=%x", read64(at + SHARED_ALIAS));
	write64(at + SHARED_ALIAS, 0x99);
#ifndef SNP	/* there, a page is rescinded first, which a shared one cannot be */
	make_shared(at, PAGE);
#endif
	say("still=%x", read64(at + SHARED_ALIAS));
	make_private(at, PAGE);
	accept(at, PAGE);
	say("private=%x", read64(at));
}

void case_unit(void)
{
	say("accept=%x", accept(FRESH, UNIT));
	say("shared=%x", make_shared(FRESH, UNIT));
	write64(FRESH + 77 * PAGE + SHARED_ALIAS, 6);
	say("read-shared=%x", read64(FRESH + 77 * PAGE + SHARED_ALIAS));
	say("private=%x", make_private(FRESH, UNIT));
	say("again=%x", accept(FRESH, UNIT));
	say("exceptions=%x", exceptions);
}

void case_private_read_of_shared(void)
{
	accept(at, PAGE);
	make_shared(at, PAGE);
	write64(at + SHARED_ALIAS, 7);
	say("read=%x", read8(at));
}

void case_private_write_of_shared(void)
{
	accept(at, PAGE);
	make_shared(at, PAGE);
	write64(at, 1);
}

/* The page was private, used and cached by the TLB. */
void case_read_after_sharing(void)
{
	accept(at, PAGE);
	write64(at, 1);
	read64(at);
	make_shared(at, PAGE);
	say("read=%x", read8(at));
}

/* The page was shared, used and cached by the TLB. */
void case_shared_use_after_private(void)
{
	accept(at, PAGE);
	make_shared(at, PAGE);
	write64(at + SHARED_ALIAS, 1);
	make_private(at, PAGE);
	accept(at, PAGE);
	write64(at + SHARED_ALIAS, 2);
	say("written");
}

void case_walk_through_shared(void)
{
	u64 *top = (u64 *)TABLES;

	accept(at, PAGE);
	make_shared(at, PAGE);
	top[WINDOW >> 39 & 511] = at | PRIVATE_BIT | 7;
	say("walk=%x", read8(WINDOW + 0x1000));
}

/* An accept of a page that the host has as shared */
void case_accept_shared(void)
{
	accept(at, PAGE);
	make_shared(at, PAGE);
	say("accept=%x", accept(at, PAGE));
}

#ifdef SNP
/* The host is asked without the guest having rescinded before. */
void case_without_rescind(void)
{
	accept(at, PAGE);
	say("shared=%x", msr_psc(at, 2));
	write64(at + SHARED_ALIAS, 7);
	say("read-shared=%x", read64(at + SHARED_ALIAS));
	say("private=%x", msr_psc(at, 1));
	say("accept=%x", accept(at, PAGE));
}

void case_rescind_then_use(void)
{
	accept(at, PAGE);
	write64(at, 1);
	say("rescind=%x", pvalidate(at, 0, 0));
	say("read=%x", read8(at));
	say("write=%x", write8(at, 1));
	say("accept=%x", accept(at, PAGE));
	say("content=%x", read64(at));
}
#endif
