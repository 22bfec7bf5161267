/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest whose host is hostile: the acts come as soon as a page is accepted. */
#include "runtime.h"
#ifdef SNP
#include "platform_snp.h"
#else
#include "platform_tdx.h"
#endif

static const u64 at = FRESH + 11 * PAGE;

/* Uses the page, then, none the wiser, accepts it once more and uses it again. */
void case_use_and_accept_again(void)
{
	say("accept=%x", accept(at, PAGE));
	say("read=%x", read8(at));
	say("again=%x", accept(at, PAGE));
	say("read-again=%x", read8(at));
}

void case_accept_until_done(void)
{
	u64 tries = 0, status;

	do {
		status = accept(at, PAGE);
		say("status=%x", status);
	} while (status && ++tries < 10);
	say("read=%x", read8(at));
}

/* The page becomes shared and private again, and is accepted as it has to be. */
void case_share_and_take_back(void)
{
	say("accept=%x", accept(at, PAGE));
	say("shared=%x", make_shared(at, PAGE));
	say("private=%x", make_private(at, PAGE));
	say("again=%x", accept(at, PAGE));
}

#ifdef TDX
void case_convert(void)
{
	u64 r11, tries = 0, status;

	do {
		status = map_gpa(at | SHARED_BIT, PAGE, &r11);
		say("status=%x r11=%x", status, r11);
	} while (status && ++tries < 10);
}
#endif
