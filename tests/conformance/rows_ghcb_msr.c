/* SPDX-License-Identifier: GPL-2.0-only */
/* The GHCB MSR protocol (semantics.md 1.7). */
#include "snp.h"

static void sev_info(void)
{
	u64 response = ghcb_msr(0x002);

	expect("info code", response & 0xfff, 0x001);
	expect_true("version 2 is between the least and the most",
		    (response >> 32 & 0xffff) <= 2 && (response >> 48) >= 2);
}

static void cpuid_request(void)
{
	u64 response = ghcb_msr(0x8000001full << 32 | 1 << 30 | 0x004);

	expect("info code", response & 0xfff, 0x005);
	expect("position of the C-bit, by CPUID 8000001F EBX", response >> 32 & 0x3f,
	       ghcb_msr(0x002) >> 24 & 0x3f);
}

static void preferred_gpa(void)
{
	expect("info code", ghcb_msr(0x010) & 0xfff, 0x011);
}

static void register_gpa(void)
{
	expect("response", ghcb_msr(ghcb_gpa() | 0x012), ghcb_gpa() | 0x013);
}

static void page_state_change(void)
{
	u64 page = new_page();

	pvalidate(page, 0, 0);
	expect("response to the request for shared", msr_psc(page, SHARED), 0x015);
	write64(page + SHARED_ALIAS, 1);
	expect("response to the request for private", msr_psc(page, PRIVATE), 0x015);
}

static void features(void)
{
	u64 response = ghcb_msr(0x080);

	expect("info code", response & 0xfff, 0x081);
	expect("bit of SNP", response >> 12 & 1, 1);
}

static void unknown(void)
{
	expect("MSR after an unknown request", ghcb_msr(0x0bad000000000fff), 0x0bad000000000fff);
}

static void terminate(void)
{
	ghcb_msr(0x001100);
	expect_true("the guest goes on after its request to be ended", 0);
}

ROWS("30") = {
	{ "1.7.1", "SEV_INFO", sev_info, 0 },
	{ "1.7.2", "CPUID", cpuid_request, 0 },
	{ "1.7.4", "preferred GPA", preferred_gpa, 0 },
	{ "1.7.5", "register GPA", register_gpa, 0 },
	{ "1.7.6", "page state change of one page", page_state_change, 0 },
	{ "1.7.8", "hypervisor features", features, 0 },
	{ "1.7.10", "an unknown request leaves the MSR as it was", unknown, 0 },
	{ "1.7.9", "request to be ended", terminate, 1 },
};
