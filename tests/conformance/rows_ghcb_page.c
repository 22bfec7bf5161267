/* SPDX-License-Identifier: GPL-2.0-only */
/* The GHCB page: page state changes, and protocol errors (semantics.md 1.8). */
#include "snp.h"

#define BAD_HEADER (1ull << 32 | 1)
#define BAD_ENTRY (1ull << 32 | 2)
#define IO_OUT_BYTE (0x80ull << 16 | 1 << 4)
#define MALFORMED 2ull			/* INFO1: 1.8.11 */

static void one_entry(void)
{
	u64 page = new_page();

	pvalidate(page, 0, 0);
	psc_list()[1] = page | SHARED << 52;
	expect("INFO2", psc_exit(0), 0);
	expect("cur_entry, behind the last", psc_list()[0] & 0xffff, 1);
	write64(page + SHARED_ALIAS, 0x66);
	expect("what a shared read gives", read64(page + SHARED_ALIAS), 0x66);
	psc_list()[1] = page | PRIVATE << 52;
	expect("INFO2", psc_exit(0), 0);
	expect("EAX and CF of accepting it", pvalidate(page, 0, 1), 0);
}

static void several_entries(void)
{
	u64 pages[3], i;

	for (i = 0; i < 3; i++) {
		pages[i] = new_page();
		pvalidate(pages[i], 0, 0);
		psc_list()[1 + i] = pages[i] | SHARED << 52;
	}
	expect("INFO2", psc_exit(2), 0);
	expect("cur_entry and end_entry", psc_list()[0] & 0xffffffff, 2 << 16 | 3);
	for (i = 0; i < 3; i++) {
		expect("cur_page", psc_list()[1 + i] & 0xfff, 1);
		write64(pages[i] + SHARED_ALIAS, i);
	}
	for (i = 0; i < 3; i++)
		psc_list()[1 + i] = pages[i] | PRIVATE << 52;
	expect("INFO2", psc_exit(2), 0);
	for (i = 0; i < 3; i++)
		expect("EAX and CF of accepting it", pvalidate(pages[i], 0, 1), 0);
}

static void errors_of_the_list(void)
{
	psc_list()[1] = 0;
	expect("INFO2 for end_entry 253", psc_exit(253), BAD_HEADER);
	psc_list()[1] = (new_page() & ~(UNIT - 1)) | PAGE | SHARED << 52 | 1ull << 56;
	expect("INFO2 for 2M, not aligned", psc_exit(0), BAD_ENTRY);
}

static void unknown_operation(void)
{
	u64 page = new_page();

	psc_list()[1] = page | 9ull << 52;
	expect("INFO2", psc_exit(0), 0);
	expect("cur_entry, behind the last", psc_list()[0] & 0xffff, 1);
	expect("EAX and CF of accepting the page, which nothing has changed", pvalidate(page, 0, 1), CF);
}

static void expect_malformed(const char *what, u64 code)
{
	expect("low half of INFO1", ghcb_get(GHCB_INFO1) & 0xffffffff, MALFORMED);
	expect(what, ghcb_get(GHCB_INFO2), code);
}

static void bad_usage(void)
{
	ghcb_begin();
	ghcb_set(GHCB_RAX, 0);
	*(volatile u32 *)(ghcb() + GHCB_USAGE) = 1;
	ghcb_exit(EXIT_IOIO, IO_OUT_BYTE, 0);
	expect_malformed("INFO2", 2);
}

static void bad_scratch(void)
{
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + 0x10);
	ghcb_exit(EXIT_MMIO_READ, 0xfee00030, 4);
	expect_malformed("INFO2", 3);
}

static void missing_input(void)
{
	ghcb_begin();
	ghcb_exit(EXIT_IOIO, IO_OUT_BYTE, 0);
	expect_malformed("INFO2", 4);
}

static void invalid_event(void)
{
	ghcb_begin();
	ghcb_exit(0x12345, 0, 0);
	expect_malformed("INFO2", 6);
}

static void features(void)
{
	ghcb_begin();
	ghcb_exit(EXIT_FEATURES, 0, 0);
	expect("low half of INFO1", ghcb_get(GHCB_INFO1) & 0xffffffff, 0);
	expect("features, by the page and by the MSR", ghcb_get(GHCB_INFO2), ghcb_msr(0x080) >> 12);
}

static void cpuid_exit(void)
{
	ghcb_begin();
	ghcb_set(GHCB_RAX, 0x8000001f);
	ghcb_set(GHCB_RCX, 0);
	ghcb_exit(EXIT_CPUID, 0, 0);
	expect("low half of INFO1", ghcb_get(GHCB_INFO1) & 0xffffffff, 0);
	expect("position of the C-bit", ghcb_get(GHCB_RBX) & 0x3f, ghcb_msr(0x002) >> 24 & 0x3f);
}

ROWS("40") = {
	{ "1.8.1", "offsets: CPUID through the page", cpuid_exit, 0 },
	{ "1.8.2,1.8.3,1.8.4,1.8.5", "page state change of one entry", one_entry, 0 },
	{ "1.8.7", "progress of a list of three", several_entries, 0 },
	{ "1.8.6,1.8.8", "a bad header and a bad entry", errors_of_the_list, 0 },
	{ "1.8.10", "an unknown operation counts as done", unknown_operation, 0 },
	{ "1.8.11-usage", "bad usage", bad_usage, 0 },
	{ "1.8.11-scratch", "bad scratch area", bad_scratch, 0 },
	{ "1.8.11-missing", "missing input", missing_input, 0 },
	{ "1.8.11-event", "invalid event", invalid_event, 0 },
	{ "1.8.17", "hypervisor features, by the page", features, 0 },
};
