/* SPDX-License-Identifier: GPL-2.0-only */
/* Leaves that read and write fields, and measurement (semantics.md 2.1, 2.8, 2.9). */
#include "tdx.h"

#define ID_INCORRECT 0xc0000c0000000000
#define NOT_WRITABLE 0xc0000c0100000000
#define FIRST_FIELD 0x00000c0b00000000
#define VM_RD 7
#define REPORT 4

static void leaves(void)
{
	expect("RAX of an unknown leaf", leaf(77, 0), OPERAND_INVALID(0));
	expect("RAX of VP.INFO, version 1", leaf(1 | 1 << 16, 0), OPERAND_INVALID(0));
	expect("RAX of VP.INFO, reserved bit 24", leaf(1 | 1 << 24, 0), OPERAND_INVALID(0));
}

static void vp_info(void)
{
	u64 r[16] = { [RAX] = 1 };

	tdcall(r);
	expect("RAX", r[RAX], 0);
	expect_true("GPAW is 48 or 52", (r[RCX] & 0x3f) == 48 || (r[RCX] & 0x3f) == 52);
	expect_true("there are vCPUs, and not more than the most",
		    (u32)r[R8] >= 1 && (u32)r[R8] <= r[R8] >> 32);
	expect_true("the index is one of them", r[R9] < (u32)r[R8]);
	expect("R11", r[R11], 0);
}

static void read_field(void)
{
	u64 value;

	expect("RAX for CONFIG_FLAGS", vm_read(CONFIG_FLAGS, &value), 0);
	value = 1;
	expect("RAX for an unknown field", vm_read(0x123, &value), ID_INCORRECT);
	expect("R8 then", value, 0);
}

static void bad_vm_rd(void)
{
	u64 r[16] = { [RAX] = VM_RD, [RCX] = 1, [RDX] = CONFIG_FLAGS, [R8] = 5 };

	tdcall(r);
	expect("RAX for RCX other than 0", r[RAX], OPERAND_INVALID(1));
	expect("R8 then", r[R8], 0);
}

static void next_field(void)
{
	u64 r[16] = { [RAX] = VM_RD | 1 << 16, [RDX] = ~0ull };

	tdcall(r);
	if (r[RAX] == OPERAND_INVALID(0)) {
		skip("this module has no version 1 of VM.RD");
		return;
	}
	expect("RAX for all ones", r[RAX], FIRST_FIELD);
	expect_true("RDX is a field", r[RDX] != ~0ull);
}

static void write_field(void)
{
	expect("RAX of writing CONFIG_FLAGS", vm_write(CONFIG_FLAGS, 0, 1), NOT_WRITABLE);
	expect("RAX of clearing NOTIFY_ENABLES", vm_write(NOTIFY_ENABLES, 0, 1), 0);
}

static u64 report(u64 buffer, u64 data)
{
	u64 r[16] = { [RAX] = REPORT, [RCX] = buffer, [RDX] = data };

	tdcall(r);
	return r[RAX];
}

static void report_operands(void)
{
	u64 page = new_page();

	write64(page, 0x1122334455667788);
	expect("RAX for a report not aligned to 1024", report(page + 512, page), OPERAND_INVALID(1));
	expect("RAX for data not aligned to 64", report(page + 1024, page + 8), OPERAND_INVALID(2));
	expect("RAX", report(page + 1024, page), 0);
	expect("the data in the report", read64(page + 1024 + 128), 0x1122334455667788);
}

ROWS("30") = {
	{ "2.1.2", "unknown leaf, version and reserved bit", leaves, 0 },
	{ "2.1.7", "VP.INFO", vp_info, 0 },
	{ "2.1.11,2.1.14,2.8.3", "VM.RD", read_field, 0 },
	{ "2.1.14-rcx", "VM.RD with RCX", bad_vm_rd, 0 },
	{ "2.1.14-first", "the first field", next_field, 0 },
	{ "2.1.14-write,2.8.2", "VM.WR", write_field, 0 },
	{ "2.1.8,2.1.15", "MR.REPORT", report_operands, 0 },
};
