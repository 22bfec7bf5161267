/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp.h"

#define MSR_GHCB 0xc0010130
#define SERIAL 0x3f8

static u8 ghcb_page[PAGE] __attribute__((aligned(4096)));

u64 ghcb_gpa(void)
{
	return (u64)ghcb_page;
}

volatile u8 *ghcb(void)
{
	return (volatile u8 *)(ghcb_gpa() + SHARED_ALIAS);
}

u64 ghcb_msr(u64 request)
{
	u64 response;

	wrmsr(MSR_GHCB, request);
	vmgexit();
	response = rdmsr(MSR_GHCB);
	wrmsr(MSR_GHCB, ghcb_gpa());
	return response;
}

u64 msr_psc(u64 gpa, u64 operation)
{
	return ghcb_msr(gpa | operation << 52 | 0x014);
}

/* Before there are tables of our own: firmware's are in use, which map the MSR's page or need none. */
u64 private_bit(void)
{
	return 1ull << (ghcb_msr(0x002) >> 24 & 0x3f);
}

u64 shared_bit(void)
{
	return 0;
}

void platform_start(void)
{
	pvalidate(ghcb_gpa(), 0, 0);
	msr_psc(ghcb_gpa(), SHARED);
	ghcb_msr(ghcb_gpa() | 0x012);
	memset((void *)ghcb(), 0, PAGE);
}

void ghcb_begin(void)
{
	volatile u64 *valid = (volatile u64 *)(ghcb() + GHCB_VALID);

	valid[0] = 0;
	valid[1] = 0;
	*(volatile u16 *)(ghcb() + GHCB_VERSION) = 2;
	*(volatile u32 *)(ghcb() + GHCB_USAGE) = 0;
}

void ghcb_set(unsigned int offset, u64 value)
{
	*(volatile u64 *)(ghcb() + offset) = value;
	ghcb()[GHCB_VALID + offset / 64] |= 1u << offset / 8 % 8;
}

u64 ghcb_get(unsigned int offset)
{
	return *(volatile u64 *)(ghcb() + offset);
}

void ghcb_exit(u64 code, u64 info1, u64 info2)
{
	ghcb_set(GHCB_CODE, code);
	ghcb_set(GHCB_INFO1, info1);
	ghcb_set(GHCB_INFO2, info2);
	vmgexit();
}

volatile u64 *psc_list(void)
{
	return (volatile u64 *)(ghcb() + GHCB_BUFFER);
}

u64 psc_exit(u64 end)
{
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	psc_list()[0] = end << 16;
	ghcb_exit(EXIT_PSC, 0, 0);
	return ghcb_get(GHCB_INFO2);
}

/* EXITINFO1 of IOIO (APM volume 2, 15.10.2): port 31:16, size 6:4, direction 0 */
u64 port_read(u16 port, u32 size)
{
	ghcb_begin();
	ghcb_exit(EXIT_IOIO, (u64)port << 16 | size << 4 | 1, 0);
	return ghcb_get(GHCB_RAX);
}

void port_write(u16 port, u32 size, u32 value)
{
	ghcb_begin();
	ghcb_set(GHCB_RAX, value);
	ghcb_exit(EXIT_IOIO, (u64)port << 16 | size << 4, 0);
}

void console_byte(u8 byte)
{
	port_write(SERIAL, 1, byte);
}

void mmio_write8(u64 gpa, u8 value)
{
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	ghcb()[GHCB_BUFFER] = value;
	ghcb_exit(EXIT_MMIO_WRITE, gpa, 1);
}

/* The guest asks to be ended (semantics.md 1.7.9), reason 0.0. */
void give_up(void)
{
	for (;;)
		ghcb_msr(0x100);
}
