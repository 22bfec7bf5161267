/* SPDX-License-Identifier: GPL-2.0-only */
/* RMPADJUST: the codes and faults that a guest at VMPL 0 can see. */
#include "platform_snp.h"

#define PERMISSIONS(mask) ((mask) << 8)
#define VMSA (1ull << 16)

void case_codes(void)
{
	accept(FRESH, PAGE);
	say("allowed=%x", rmpadjust(FRESH, 0, 1));
	say("permissions=%x", rmpadjust(FRESH, 0, 3 | PERMISSIONS(0x1full)));
	say("own-level=%x", rmpadjust(FRESH, 0, 0));
	say("no-level=%x", rmpadjust(FRESH, 0, 4));
	say("reserved-permission=%x", rmpadjust(FRESH, 0, 1 | PERMISSIONS(0x20ull)));
	say("reserved-bit=%x", rmpadjust(FRESH, 0, 1 | 1ull << 17));
	say("size=%x", rmpadjust(FRESH, 2, 1));
	say("misaligned=%x", rmpadjust(FRESH + PAGE, 1, 1));
	say("mismatch=%x", rmpadjust(FRESH, 1, 1));
	accept(FRESH + UNIT, UNIT);
	say("unit=%x", rmpadjust(FRESH + UNIT, 1, 1));
	say("page-of-unit=%x", rmpadjust(FRESH + UNIT, 0, 1));
}

void case_not_validated(void)
{
	accept(FRESH, PAGE);
	say("rmpadjust=%x", rmpadjust(FRESH + PAGE, 0, 1));
}

void case_shared(void)
{
	accept(FRESH, PAGE);
	make_shared(FRESH, PAGE);
	say("rmpadjust=%x", rmpadjust(FRESH, 0, 1));
}

void case_unmapped(void)
{
	say("rmpadjust=%x", rmpadjust(WINDOW, 0, 1));
}
