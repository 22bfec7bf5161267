/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest that breaks the GHCB protocol, in the page and in the MSR. */
#include "platform_snp.h"

#define EXIT_IOIO 0x7bull
#define EXIT_MMIO_READ 0x80000001ull
#define EXIT_MMIO_WRITE 0x80000002ull
#define EXIT_PSC 0x80000010ull
#define IO_OUT_BYTE (0x80ull << 16 | 1 << 4)

static void say_answer(const char *what)
{
	say("%s info1=%x info2=%x", what, ghcb_get(GHCB_INFO1), ghcb_get(GHCB_INFO2));
}

void case_errors(void)
{
	ghcb_begin();
	ghcb_set(GHCB_RAX, 0);
	*(volatile u32 *)(ghcb() + GHCB_USAGE) = 1;
	ghcb_exit(EXIT_IOIO, IO_OUT_BYTE, 0);
	say_answer("usage");
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + 0x10);
	ghcb_exit(EXIT_MMIO_READ, 0xfee00030, 4);
	say_answer("scratch");
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, 0x200000);
	ghcb_exit(EXIT_MMIO_READ, 0xfee00030, 4);
	say_answer("scratch-private");
	ghcb_begin();
	ghcb_exit(EXIT_IOIO, IO_OUT_BYTE, 0);
	say_answer("missing");
	ghcb_begin();
	ghcb_set(GHCB_RAX, 0);
	*(volatile u16 *)(ghcb() + GHCB_VERSION) = 3;
	ghcb_exit(EXIT_IOIO, IO_OUT_BYTE, 0);
	say_answer("version");
	ghcb_begin();
	ghcb_exit(0x12345, 0, 0);
	say_answer("event");
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	ghcb_exit(EXIT_MMIO_READ, 0xfee00030, 16);
	say_answer("mmio-size");
}

static u8 other[PAGE] __attribute__((aligned(4096)));

/* A shared page, but not the one that was registered */
void case_not_registered(void)
{
	volatile u64 *info = (volatile u64 *)((u64)other + SHARED_ALIAS + GHCB_INFO1);
	u64 first, second;

	make_shared((u64)other, PAGE);
	memset((void *)((u64)other + SHARED_ALIAS), 0, PAGE);
	wrmsr(MSR_GHCB, (u64)other);
	vmgexit();
	first = info[0];
	second = info[1];
	wrmsr(MSR_GHCB, ghcb_gpa());
	say("other info1=%x info2=%x", first, second);
}

void case_private_page(void)
{
	wrmsr(MSR_GHCB, (u64)other);
	vmgexit();
	say("not reached");
}

void case_hole(void)
{
	wrmsr(MSR_GHCB, HOLE);
	vmgexit();
	say("not reached");
}

static u64 psc(u64 header, u64 entry)
{
	volatile u64 *list = (volatile u64 *)(ghcb() + GHCB_BUFFER);

	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	list[0] = header;
	list[1] = entry;
	ghcb_exit(EXIT_PSC, 0, 0);
	return ghcb_get(GHCB_INFO2);
}

void case_psc(void)
{
	say("header=%x", psc(253ull << 16, FRESH | 2ull << 52));
	say("entry=%x", psc(0, (FRESH + PAGE) | 2ull << 52 | 1ull << 56));
	say("unknown=%x", psc(0, FRESH | 9ull << 52));
	say("done=%x", psc(0, FRESH | 2ull << 52));
	say("current=%x", *(volatile u64 *)(ghcb() + GHCB_BUFFER));
}

void case_msr(void)
{
	say("info=%x", ghcb_msr(0x002));
	say("features=%x", ghcb_msr(0x080));
	say("preferred=%x", ghcb_msr(0x010));
	say("unknown=%x", ghcb_msr(0x0bad000000000fff));
	say("psc-op=%x", msr_psc(FRESH, 7));
	say("register-hole=%x", ghcb_msr(HOLE | 0x012));
}

/* An address at which there is neither memory nor a device */
void case_mmio_nowhere(void)
{
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	*(volatile u64 *)(ghcb() + GHCB_BUFFER) = 0;
	say("status=%x", ghcb_exit(EXIT_MMIO_READ, 0xd0000000, 4));
	say("read=%x", (u64)ghcb_get(GHCB_BUFFER));
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	say("write=%x", ghcb_exit(EXIT_MMIO_WRITE, 0xd0000000, 4));
}

/* The host may not be lent private memory: it has no key for it. */
void case_mmio_on_private(void)
{
	u64 status;

	write64(0x210000, 0x1122334455667788);
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	*(volatile u64 *)(ghcb() + GHCB_BUFFER) = 0;
	status = ghcb_exit(EXIT_MMIO_READ, 0x210000, 8);
	say("read-status=%x", status);
	say("leaked=%x", (u64)(ghcb_get(GHCB_BUFFER) == 0x1122334455667788));
	mmio_write(0x210000, 8, 0x99);
	say("after=%x", read64(0x210000));
}
