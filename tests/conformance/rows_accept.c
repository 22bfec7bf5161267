/* SPDX-License-Identifier: GPL-2.0-only */
/* TDG.MEM.PAGE.ACCEPT (semantics.md 2.2) and RELEASE (2.11). */
#include "tdx.h"

#define RELEASE 30

static void accepts(void)
{
	u64 page = pending_page();

	expect("RAX of accepting a page", page_accept(page), 0);
	expect("what a read gives", read64(page + 8), 0);
	write64(page, 0x44);
	expect("what a read gives after a write", read64(page), 0x44);
}

static void again(void)
{
	u64 page = new_page();

	write64(page, 0x45);
	expect("RAX of accepting an accepted page", page_accept(page), ALREADY_ACCEPTED(0));
	expect("its content", read64(page), 0x45);
}

static void operands(void)
{
	u64 page = new_page(), invalid = OPERAND_INVALID(1);

	expect("RAX for 1G", page_accept((page & ~0x3fffffffull) | LEVEL_1G), invalid);
	expect("RAX for level 3", page_accept(page | 3), invalid);
	expect("RAX for 2M, not aligned", page_accept(whole_unit() | PAGE | LEVEL_2M), invalid);
	expect("RAX for reserved bit 3", page_accept(page | 1 << 3), invalid);
	expect("RAX for reserved bit 52", page_accept(page | 1ull << 52), invalid);
	expect("RAX for the SHARED bit", page_accept(page | shared_bit()), invalid);
	if (address_width() == 48)
		expect("RAX for an address beyond GPAW", page_accept(page | 1ull << 50), invalid);
}

static void whole(void)
{
	u64 unit = pending_unit(), result = page_accept(unit | LEVEL_2M);

	if (result == SIZE_MISMATCH) {
		skip("this host maps 4K pages (2.2.5)");
		return;
	}
	expect("RAX of accepting a unit", result, 0);
	expect("RAX of accepting it again", page_accept(unit | LEVEL_2M), ALREADY_ACCEPTED(1));
	expect("RAX of accepting a page of it", page_accept(unit + PAGE), ALREADY_ACCEPTED(1));
	expect("what a read of its last page gives", read64(unit + UNIT - PAGE), 0);
}

static void mismatch(void)
{
	u64 unit = pending_unit();

	expect("RAX of accepting the first page of a unit", page_accept(unit), 0);
	expect("RAX of accepting the unit", page_accept(unit | LEVEL_2M), SIZE_MISMATCH);
	expect("RAX of accepting the second page", page_accept(unit + PAGE), 0);
}

static void zeroed(void)
{
	u64 page = new_page();

	write64(page + 8, 0x1122334455667788);
	map_gpa(page | shared_bit(), PAGE);
	write64(page + 8 + SHARED_ALIAS, 0x99aabbccddeeff00);
	map_gpa(page, PAGE);
	expect("RAX of accepting the page", page_accept(page), 0);
	expect("what a read gives", read64(page + 8), 0);
}

static void releases(void)
{
	u64 page = new_page();

	if (!(config_flags() >> 6 & 1)) {
		skip("CONFIG_FLAGS bit 6 is clear: this module has no RELEASE");
		return;
	}
	write64(page, 0x46);
	expect("RAX of releasing a page", leaf(RELEASE, page), 0);
	expect("RAX of accepting it", page_accept(page), 0);
	expect("what a read gives", read64(page), 0);
}

/* 2M first: rows behind them split the unit. */
ROWS("10") = {
	{ "2.2.8,2.2.10", "ACCEPT of a page", accepts, 0 },
	{ "2.2.6", "an accepted page is ALREADY_ACCEPTED, and keeps its content", again, 0 },
	{ "2.2.1", "bad operands are OPERAND_INVALID", operands, 0 },
	{ "2.2.2", "ACCEPT of 2M, and of a page in it", whole, 0 },
	{ "2.2.3,2.2.5", "2M of 4K pages is SIZE_MISMATCH", mismatch, 0 },
	{ "2.2.12", "what the page held is gone", zeroed, 0 },
	{ "2.11.1,2.11.2", "RELEASE, and ACCEPT again", releases, 0 },
};
