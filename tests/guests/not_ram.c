/* SPDX-License-Identifier: GPL-2.0-only */
/* Accepts of and private accesses to what is no RAM. */
#include "runtime.h"
#ifdef SNP
#include "platform_snp.h"
#else
#include "platform_tdx.h"
#endif

#define LOCAL_APIC 0xfee00000ull
#define APIC_VERSION 0x30

void case_accept_hole(void)
{
	say("accept=%x", accept(HOLE + PAGE, PAGE));
}

void case_accept_hole_unit(void)
{
	say("accept=%x", accept(HOLE, UNIT));
}

void case_accept_registers(void)
{
	say("accept=%x", accept(LOCAL_APIC, PAGE));
}

void case_accept_beyond(void)
{
	say("accept=%x", accept(RAM_END, PAGE));
}

void case_accept_far_beyond(void)
{
	say("accept=%x", accept(1ull << 38, UNIT));
}

void case_read_hole(void)
{
	say("read=%x", read8(HOLE + 0x10));
}

void case_write_registers(void)
{
	say("write=%x", write64(LOCAL_APIC, 1));
}

void case_fetch_beyond(void)
{
	fetch(RAM_END + 0x20);
	say("fetched");
}

/* A page table where there is no RAM */
void case_walk_hole(void)
{
	u64 *top = (u64 *)TABLES;

	top[WINDOW >> 39 & 511] = HOLE | PRIVATE_BIT | 7;
	say("walk=%x", read8(WINDOW));
}

/* Registers are used through shared mappings: reflected, and then by the host. */
void case_registers(void)
{
	say("reflected=%x", read64(LOCAL_APIC + APIC_VERSION + SHARED_ALIAS));
	say("write=%x", write8(LOCAL_APIC + APIC_VERSION + SHARED_ALIAS, 1));
	say("version=%x", mmio_read(LOCAL_APIC + APIC_VERSION, 4));
}

void case_convert_hole(void)
{
	say("shared=%x", (u64)(make_shared(HOLE, PAGE) != 0));
	say("private=%x", (u64)(make_private(HOLE, PAGE) != 0));
}

#ifdef SNP
void case_rmpadjust_hole(void)
{
	say("rmpadjust=%x", rmpadjust(HOLE, 0, 1));
}

void case_psc_hole(void)
{
	say("response=%x", msr_psc(HOLE, 2));
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	((volatile u64 *)(ghcb() + GHCB_BUFFER))[0] = 0;
	((volatile u64 *)(ghcb() + GHCB_BUFFER))[1] = HOLE | 2ull << 52;
	ghcb_exit(0x80000010ull, 0, 0);
	say("info2=%x", ghcb_get(GHCB_INFO2));
}
#endif
