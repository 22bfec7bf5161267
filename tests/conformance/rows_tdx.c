/* SPDX-License-Identifier: GPL-2.0-only */
/* #VE and its information, and accesses (semantics.md 2.6). */
#include "tdx.h"

#define VEINFO 3
#define NO_VE_INFO 0xc000070400000000
#define SEPT_VE_DISABLE (1ull << 28)
#define FLEXIBLE_PENDING_VE (1ull << 1)
#define TD_CTLS 0x1110000300000017
#define REASON_CPUID 10
#define REASON_EPT 48

static void signature(void)
{
	expect("EBX of CPUID 0x21", cpuid_ebx(0x21), 0x65746e49);	/* "Inte" */
}

static void no_information(void)
{
	u64 r[16] = { [RAX] = VEINFO, [RCX] = 1, [RDX] = 1, [R8] = 1, [R9] = 1, [R10] = 1 };

	tdcall(r);
	expect("RAX", r[RAX], NO_VE_INFO);
	expect("RCX, RDX, R8, R9 and R10", r[RCX] | r[RDX] | r[R8] | r[R9] | r[R10], 0);
}

static void information(void)
{
	u64 r[16] = { [RAX] = VEINFO }, before = trap.count;

	cpuid_ebx(0x40000000);
	expect("exceptions of CPUID 0x40000000", trap.count - before, 1);
	expect("vector", trap.vector, VE);
	tdcall(r);
	expect("RAX of VEINFO.GET", r[RAX], 0);
	expect("exit reason", r[RCX], REASON_CPUID);
	expect("instruction length", (u32)r[R10], 2);
	expect("RAX of VEINFO.GET again", leaf(VEINFO, 0), NO_VE_INFO);
}

/* Whether #VE comes for a pending page, as this TD is now */
static int has_pending_ve(void)
{
	u64 controls;

	if (!(config_flags() & FLEXIBLE_PENDING_VE))
		return !(attributes() & SEPT_VE_DISABLE);
	return !vm_read(TD_CTLS, &controls) && !(controls & 1);
}

static void pending_ve(void)
{
	u64 page = pending_page(), before = trap.count, r[16] = { [RAX] = VEINFO };

	if (!has_pending_ve()) {
		skip("#VE of pending pages is disabled: boot with row=2.6.1-exit");
		return;
	}
	read64(page + 0x18);
	expect("exceptions", trap.count - before, 1);
	expect("vector", trap.vector, VE);
	expect("RIP", trap.rip, (u64)at_read64);
	tdcall(r);
	expect("exit reason", r[RCX], REASON_EPT);
	expect("GLA", r[R8], page + 0x18);
	expect("page of the GPA", r[R9] & ~0xfffull, page);
	expect("RAX of accepting it", page_accept(page), 0);
}

static void pending_exit(void)
{
	if (has_pending_ve()) {
		skip("#VE of pending pages is enabled (2.6.1)");
		return;
	}
	read64(pending_page());
	expect_true("the guest goes on after an access to a pending page", 0);
}

ROWS("40") = {
	{ "2.1.5", "CPUID 0x21", signature, 0 },
	{ "2.1.16", "VEINFO.GET without information", no_information, 0 },
	{ "2.6.9", "VEINFO.GET after #VE of CPUID", information, 0 },
	{ "2.6.1", "access to a pending page: #VE", pending_ve, 0 },
	{ "2.6.1-exit", "access to a pending page: the host's EPT violation", pending_exit, 1 },
};
