/* SPDX-License-Identifier: GPL-2.0-only */
/* PVALIDATE (semantics.md 1.2), RMPADJUST (1.3) and the page states behind them (1.5). */
#include "snp.h"

static void changes(void)
{
	u64 page = new_page();

	expect("EAX and CF of rescinding an accepted page", pvalidate(page, 0, 0), 0);
	expect("EAX and CF of accepting it", pvalidate(page, 0, 1), 0);
	expect("exceptions of a read", read64(page) == FAULTED && trap.rip == (u64)at_read64, 0);
}

static void unchanged(void)
{
	u64 page = new_page();

	expect("EAX and CF of accepting an accepted page", pvalidate(page, 0, 1), CF);
	pvalidate(page, 0, 0);
	expect("EAX and CF of rescinding a rescinded page", pvalidate(page, 0, 0), CF);
	expect("EAX and CF of accepting it", pvalidate(page, 0, 1), 0);
}

static void inputs(void)
{
	u64 page = new_page();

	expect("EAX and CF for page size 2", pvalidate(page, 2, 1), 1);
	expect("EAX and CF for 2M, not aligned", pvalidate(page | PAGE, 1, 1), 1);
	expect("EAX and CF of accepting the page, which nothing has changed", pvalidate(page, 0, 1), CF);
}

static void whole(void)
{
	u64 unit = whole_unit(), result = pvalidate(unit, 1, 0);

	if (result == 6) {
		skip("the host or firmware has 4K pages here (1.2.15)");
		return;
	}
	expect("EAX and CF of rescinding a unit", result, 0);
	expect("EAX and CF of accepting it", pvalidate(unit, 1, 1), 0);
	expect("EAX and CF of accepting it again", pvalidate(unit, 1, 1), CF);
}

static void split(void)
{
	u64 unit = whole_unit();

	expect("EAX and CF of rescinding one page of a unit", pvalidate(unit + PAGE, 0, 0), 0);
	expect("EAX and CF of accepting the page in front", pvalidate(unit, 0, 1), CF);
	expect("EAX and CF of accepting the page", pvalidate(unit + PAGE, 0, 1), 0);
}

static void mismatch(void)
{
	u64 unit = whole_unit();

	pvalidate(unit, 0, 1);	/* 4K pages from here on: the host has to split a larger one */
	expect("EAX and CF of accepting 2M of 4K pages", pvalidate(unit, 1, 1), 6);
	expect("EAX and CF of rescinding 2M of 4K pages", pvalidate(unit, 1, 0), 6);
	expect("EAX and CF of accepting a page of it", pvalidate(unit, 0, 1), CF);
}

static void no_data(void)
{
	u64 page = new_page();

	write64(page + 8, 0x1122334455667788);
	pvalidate(page, 0, 0);
	pvalidate(page, 0, 1);
	expect("content of the page", read64(page + 8), 0x1122334455667788);
}

static void inside(void)
{
	u64 page = new_page();

	expect("EAX and CF for bit 0 of EDX alone clear", pvalidate(page, 0, 0xfffffffe), 0);
	expect("EAX and CF for bit 0 of EDX set", pvalidate(page, 0, 0xffffffff), 0);
}

static void rmpadjust_codes(void)
{
	u64 page = new_page();

	expect("EAX for VMPL 1, no permissions", rmpadjust(page, 0, 1), 0);
	expect("EAX for VMPL 0", rmpadjust(page, 0, 0), 2);
	expect("EAX for page size 2", rmpadjust(page, 2, 1), 1);
}

static void again_after_conversion(void)
{
	u64 page = new_page();

	pvalidate(page, 0, 0);
	expect("response to the request for shared", msr_psc(page, SHARED), 0x015);
	expect("response to the request for private", msr_psc(page, PRIVATE), 0x015);
	expect("EAX and CF of accepting it", pvalidate(page, 0, 1), 0);
}

static void validated_is_lost(void)
{
	u64 page = new_page();

	/* not rescinded before: the host's RMPUPDATE clears the bit */
	msr_psc(page, SHARED);
	msr_psc(page, PRIVATE);
	expect("EAX and CF of accepting it", pvalidate(page, 0, 1), 0);
}

/* 2M first: rows behind them split the unit. */
ROWS("10") = {
	{ "1.2.1", "PVALIDATE changes the Validated bit", changes, 0 },
	{ "1.2.2,1.2.16", "CF tells that the bit had the value", unchanged, 0 },
	{ "1.2.3,1.2.7,1.2.11", "bad operands are FAIL_INPUT, with CF clear", inputs, 0 },
	{ "1.1.1", "PVALIDATE of 2M", whole, 0 },
	{ "1.2.14,1.5.7", "4K on a 2M page: the host splits it, the others stay valid", split, 0 },
	{ "1.2.5,1.2.15", "2M on 4K pages is FAIL_SIZEMISMATCH, with CF clear", mismatch, 0 },
	{ "1.2.17", "PVALIDATE writes no memory", no_data, 0 },
	{ "1.1.1-edx", "EDX bit 0 is the operand", inside, 0 },
	{ "1.3.1,1.3.2,1.3.6", "codes of RMPADJUST", rmpadjust_codes, 0 },
	{ "1.5.3,1.5.5,1.8.12,1.8.13", "shared and private again: not validated", again_after_conversion, 0 },
	{ "1.5.6", "a conversion clears the Validated bit by itself", validated_is_lost, 0 },
};
