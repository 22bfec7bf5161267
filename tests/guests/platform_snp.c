/* SPDX-License-Identifier: GPL-2.0-only */
/* The test guests' side of SEV-SNP. */
#include "platform_snp.h"

#define EXIT_IOIO 0x7b
#define EXIT_MMIO_READ 0x80000001ull
#define EXIT_MMIO_WRITE 0x80000002ull
#define EXIT_AP_CREATION 0x80000013ull
#define IOIO_IN 1
#define VMSA_ATTRIBUTE (1ull << 16)	/* RMPADJUST, RDX */
#define C_BIT (1ull << 51)

static u8 ghcb_pages[CPUS][PAGE] __attribute__((aligned(4096)));
static u8 save_areas[CPUS][PAGE] __attribute__((aligned(4096)));

u64 ghcb_gpa(void)
{
	return (u64)ghcb_pages[this_cpu()->index];
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

u64 msr_psc(u64 gpa, u64 op)
{
	return ghcb_msr(gpa | op << 52 | 0x014);
}

void platform_start(u64 index)
{
	(void)index;
	pvalidate(ghcb_gpa(), 0, 0);
	msr_psc(ghcb_gpa(), 2);
	ghcb_msr(ghcb_gpa() | 0x012);
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

u64 ghcb_exit(u64 code, u64 info1, u64 info2)
{
	ghcb_set(GHCB_CODE, code);
	ghcb_set(GHCB_INFO1, info1);
	ghcb_set(GHCB_INFO2, info2);
	vmgexit();
	return ghcb_get(GHCB_INFO1) << 32 | (u32)ghcb_get(GHCB_INFO2);
}

u64 port_read(u32 port, u32 size)
{
	ghcb_begin();
	ghcb_exit(EXIT_IOIO, (u64)port << 16 | size << 4 | IOIO_IN, 0);
	return ghcb_get(GHCB_RAX);
}

void port_write(u32 port, u32 size, u64 value)
{
	ghcb_begin();
	ghcb_set(GHCB_RAX, value);
	ghcb_exit(EXIT_IOIO, (u64)port << 16 | size << 4, 0);
}

void console_byte(char byte)
{
	port_write(0x3f8, 1, (u8)byte);
}

u64 mmio_read(u64 gpa, u32 size)
{
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	*(volatile u64 *)(ghcb() + GHCB_BUFFER) = 0;
	ghcb_exit(EXIT_MMIO_READ, gpa, size);
	return ghcb_get(GHCB_BUFFER);
}

void mmio_write(u64 gpa, u32 size, u64 value)
{
	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	*(volatile u64 *)(ghcb() + GHCB_BUFFER) = value;
	ghcb_exit(EXIT_MMIO_WRITE, gpa, size);
}

u64 accept(u64 gpa, u64 size)
{
	u64 result = pvalidate(gpa, size == UNIT, 1);

	/* CF is no success: the page was valid already */
	return result == FAULTED || !(result >> 32) ? result : 255;
}

/* The host's part, by the GHCB page: entries of one unit or of pages */
static u64 psc(u64 gpa, u64 size, u64 op)
{
	u64 step = size % UNIT || gpa % UNIT ? PAGE : UNIT, result;
	volatile u64 *list = (volatile u64 *)(ghcb() + GHCB_BUFFER);

	for (; size; gpa += step, size -= step) {
		ghcb_begin();
		ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
		list[0] = 0;
		list[1] = gpa | op << 52 | (u64)(step == UNIT) << 56;
		result = ghcb_exit(0x80000010ull, 0, 0);
		if (result || ghcb_get(GHCB_INFO2))
			return FAULTED;
	}
	return 0;
}

u64 make_shared(u64 gpa, u64 size)
{
	u64 page;

	if (gpa % UNIT || size % UNIT || pvalidate(gpa, 1, 0))
		for (page = gpa; page < gpa + size; page += PAGE)
			pvalidate(page, 0, 0);
	return psc(gpa, size, 2);
}

u64 make_private(u64 gpa, u64 size)
{
	return psc(gpa, size, 1);
}

void terminate(u32 set, u32 reason)
{
	for (;;)
		ghcb_msr(0x100 | (u64)set << 12 | (u64)reason << 16);
}

void say_exception(const struct frame *frame)
{
	(void)frame;
}

static void set_segment(u8 *area, unsigned int at, u16 selector, u16 attributes)
{
	*(u16 *)(area + at) = selector;
	*(u16 *)(area + at + 2) = attributes;
	*(u32 *)(area + at + 4) = 0xffffffff;
	*(u64 *)(area + at + 8) = 0;
}

static void set64(u8 *area, unsigned int at, u64 value)
{
	*(u64 *)(area + at) = value;
}

extern void ap_start_with_index(void);

/* Offsets: APM Vol 2 table B-4 */
u64 fill_save_area(u64 index)
{
	u8 *area = save_areas[index];
	struct { u16 limit; u64 base; } __attribute__((packed)) gdtr;
	unsigned int at;

	__asm__ volatile("sgdt %0" : "=m"(gdtr));
	memset(area, 0, PAGE);
	for (at = 0; at < 0x60; at += 16)
		set_segment(area, at, 0x18, 0xc93);
	set_segment(area, 0x10, 0x10, 0xa9b);		/* CS: 64-bit code */
	*(u32 *)(area + 0x64) = gdtr.limit;
	set64(area, 0x68, gdtr.base);
	set64(area, 0xd0, 0x1d00);			/* EFER: LME, LMA, NXE, SVME */
	set64(area, 0x148, 0x620);			/* CR4 */
	set64(area, 0x150, TABLES | C_BIT);		/* CR3 */
	set64(area, 0x158, 0x80010033);			/* CR0 */
	set64(area, 0x170, 2);				/* RFLAGS */
	set64(area, 0x178, (u64)ap_start_with_index);	/* RIP */
	set64(area, 0x1f8, index);			/* RAX */
	set64(area, 0x268, 0x0007040600070406ull);	/* PAT */
	return (u64)area;
}

/* The save area gives RAX; ap_start wants RSI. */
__asm__(".text\n.globl ap_start_with_index\nap_start_with_index:\n"
	"mov %rax, %rsi\njmp ap_start\n");

u64 start_cpu(u64 index)
{
	u64 area = fill_save_area(index);

	if (rmpadjust(area, 0, 1 | VMSA_ATTRIBUTE))
		return FAULTED;
	ghcb_begin();
	ghcb_set(GHCB_RAX, 0);
	return ghcb_exit(EXIT_AP_CREATION, index << 32 | 1, area);
}
