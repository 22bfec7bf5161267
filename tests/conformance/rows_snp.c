/* SPDX-License-Identifier: GPL-2.0-only */
/* Accesses and the RMP (semantics.md 1.6), and what an SNP guest is (1.9). */
#include "snp.h"

#define MSR_SEV_STATUS 0xc0010131

static void status(void)
{
	expect("SEV, SEV-ES and SEV-SNP of SEV_STATUS", rdmsr(MSR_SEV_STATUS) & 7, 7);
}

static void valid_access(void)
{
	u64 page = new_page(), before = trap.count;

	write64(page, 0x55);
	expect("what a read gives", read64(page), 0x55);
	expect("exceptions", trap.count - before, 0);
}

static void expect_not_validated(u64 rip, u64 cr2)
{
	expect("vector", trap.vector, VC);
	expect("error code", trap.error, NOT_VALIDATED);
	expect("CR2", trap.cr2, cr2);
	expect("RIP", trap.rip, rip);
}

static void not_validated(void)
{
	u64 page = new_page(), before = trap.count;

	pvalidate(page, 0, 0);
	read64(page + 0x18);
	expect("exceptions of a read", trap.count - before, 1);
	expect_not_validated((u64)at_read64, page + 0x18);
	write64(page + 0x20, 1);
	expect("exceptions of a write", trap.count - before, 2);
	expect_not_validated((u64)at_write64, page + 0x20);
	fetch(page + 0x28);
	expect("exceptions of a fetch", trap.count - before, 3);
	expect_not_validated(page + 0x28, page + 0x28);
	pvalidate(page, 0, 1);
	read64(page);
	expect("exceptions once it is accepted", trap.count - before, 3);
}

static void shared_page(void)
{
	u64 page = new_page(), before = trap.count;

	pvalidate(page, 0, 0);
	msr_psc(page, SHARED);
	write64(page + SHARED_ALIAS, 0x77);
	expect("what a shared read gives", read64(page + SHARED_ALIAS), 0x77);
	expect("exceptions", trap.count - before, 0);
}

static void shared_read(void)
{
	u64 page = new_page();

	write64(page, 0x1122334455667788);
	expect_true("a shared read of a private page does not give its content",
		    read64(page + SHARED_ALIAS) != 0x1122334455667788);
}

static void hypervisor_page(void)
{
	u64 page = new_page();

	pvalidate(page, 0, 0);
	msr_psc(page, SHARED);
	read64(page);
	/* a host that converts it: the page is the guest's, and not validated */
	if (trap.vector == VC && trap.error == NOT_VALIDATED && trap.cr2 == page)
		skip("this host converts a page at a private access (2.10.8)");
	expect_true("the guest goes on after a private access to a page of the hypervisor", 0);
}

ROWS("20") = {
	{ "1.9.1", "SEV_STATUS", status, 0 },
	{ "1.6.1", "private access to a validated page", valid_access, 0 },
	{ "1.6.3,1.6.9", "private access to a page that is not validated: #VC 0x404", not_validated, 0 },
	{ "1.6.5", "shared access to a shared page", shared_page, 0 },
	{ "1.6.6", "shared read of a private page: ciphertext", shared_read, 0 },
	{ "1.6.2", "private access to a page of the hypervisor: the host's NPF", hypervisor_page, 1 },
};
