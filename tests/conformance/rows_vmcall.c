/* SPDX-License-Identifier: GPL-2.0-only */
/* VP.VMCALL's operands (semantics.md 2.1.6), and TDVMCALL (2.7). */
#include "tdx.h"

#define VMCALL_CPUID 10
#define INVALID 0x8000000000000000
#define ALIGN_ERROR 0x8000000000000002
#define NOT_SUPPORTED 0x8000000000000003
#define IOAPIC 0xfec00000ull

static void masks(void)
{
	expect("RAX for bit 0 (RAX) of the mask", leaf(0, 0xfc01), OPERAND_INVALID(1));
	expect("RAX for bit 4 (RSP)", leaf(0, 0xfc10), OPERAND_INVALID(1));
	expect("RAX for bit 32", leaf(0, 1ull << 32 | 0xfc00), OPERAND_INVALID(1));
}

static void no_rbp(void)
{
	if (!(config_flags() >> 2 & 1)) {
		skip("CONFIG_FLAGS bit 2 is clear: RBP may be passed");
		return;
	}
	expect("RAX for bit 5 (RBP) of the mask", leaf(0, 0xfc20), OPERAND_INVALID(1));
}

static void conversion(void)
{
	u64 page = new_page();

	write64(page, 0x1122334455667788);
	expect("R10 of MapGPA to shared", map_gpa(page | shared_bit(), PAGE), 0);
	expect_true("a shared read does not give the private content",
		    read64(page + SHARED_ALIAS) != 0x1122334455667788);
	write64(page + SHARED_ALIAS, 0x77);
	expect("what a shared read gives", read64(page + SHARED_ALIAS), 0x77);
	expect("R10 of MapGPA to private", map_gpa(page, PAGE), 0);
	expect("RAX of accepting it", page_accept(page), 0);
	expect("what a read gives", read64(page), 0);
}

static void lost_content(void)
{
	u64 page = new_page();

	map_gpa(page | shared_bit(), PAGE);
	expect("R10 of MapGPA to private", map_gpa(page, PAGE), 0);
	expect("RAX of accepting it, which was accepted before", page_accept(page), 0);
}

static void bad_ranges(void)
{
	u64 page = new_page();

	expect("R10 for an address within a page", map_gpa((page + 1) | shared_bit(), PAGE), ALIGN_ERROR);
	expect("R10 for a size of half a page", map_gpa(page | shared_bit(), 0x800), ALIGN_ERROR);
	expect("RAX of accepting the page, which nothing has changed", page_accept(page),
	       ALREADY_ACCEPTED(0));
}

static void device(void)
{
	expect("R10 of MapGPA to shared, of the IOAPIC", map_gpa(IOAPIC | shared_bit(), PAGE), 0);
}

static void host_cpuid(void)
{
	struct vmcall call = { .r11 = VMCALL_CPUID, .r12 = 0x80000008 };

	expect("R10", tdvmcall(&call), 0);
	expect_true("bits of a linear address in EAX", (call.r12 >> 8 & 0xff) >= 48);
}

static void unknown(void)
{
	struct vmcall call = { .r11 = 0x1234 };
	u64 status = tdvmcall(&call);

	expect_true("R10 is invalid operand or not supported",
		    status == INVALID || status == NOT_SUPPORTED);
}

static void fatal_error(void)
{
	struct vmcall call = { .r11 = 0x10003 };

	tdvmcall(&call);
	expect_true("the guest goes on after ReportFatalError", 0);
}

ROWS("20") = {
	{ "2.1.6", "registers that VP.VMCALL may not pass", masks, 0 },
	{ "2.9.5", "NO_RBP_MOD", no_rbp, 0 },
	{ "2.7.1,2.7.6,2.7.7", "MapGPA to shared and back", conversion, 0 },
	{ "2.7.7-accept", "a page that was shared has to be accepted again", lost_content, 0 },
	{ "2.7.2", "MapGPA of ranges that are not aligned", bad_ranges, 0 },
	{ "2.7.9", "MapGPA to shared of what is no RAM", device, 0 },
	{ "2.7.4", "CPUID of the host", host_cpuid, 0 },
	{ "2.7.2-unknown", "an unknown sub-function", unknown, 0 },
	{ "2.7.4-fatal", "ReportFatalError", fatal_error, 1 },
};
