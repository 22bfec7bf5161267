/* SPDX-License-Identifier: GPL-2.0-only */
/* TDG.MEM.PAGE.ACCEPT: every status, and what else TDCALL refuses. */
#include "platform_tdx.h"

#define LEVEL_2M 1
#define LEVEL_1G 2

void case_twice(void)
{
	say("first=%x", page_accept(FRESH));
	say("second=%x", page_accept(FRESH));
	say("unit=%x", page_accept((FRESH + UNIT) | LEVEL_2M));
	say("unit-again=%x", page_accept((FRESH + UNIT) | LEVEL_2M));
	say("page-of-it=%x", page_accept(FRESH + UNIT + PAGE));
}

void case_unit_of_pages(void)
{
	say("unit=%x", page_accept(FRESH | LEVEL_2M));
	say("page=%x", page_accept(FRESH));
	say("read=%x", read8(FRESH));
}

void case_page_of_unit(void)
{
	say("page=%x", page_accept(FRESH + 5 * PAGE));
	say("accepted=%x", read8(FRESH + 5 * PAGE));
	say("unit=%x", page_accept(FRESH | LEVEL_2M));
	say("after=%x", read8(FRESH + 6 * PAGE));
}

void case_operands(void)
{
	say("gigabyte=%x", page_accept(0x40000000 | LEVEL_1G));
	say("level=%x", page_accept(FRESH | 3));
	say("misaligned=%x", page_accept((FRESH + PAGE) | LEVEL_2M));
	say("reserved=%x", page_accept(FRESH | 1 << 3));
	say("high=%x", page_accept(FRESH | 1ull << 52));
	say("width=%x", page_accept(1ull << 50));
	say("shared=%x", page_accept(FRESH | SHARED_BIT));
}

static u64 leaf(u64 rax)
{
	u64 r[16] = { [RAX] = rax };

	tdcall(r);
	return r[RAX];
}

void case_leaves(void)
{
	u64 r[16] = { [RAX] = 1 };

	say("unknown=%x", leaf(77));
	say("version=%x", leaf(1 | 1 << 16));
	say("reserved=%x", leaf(1 | 1ull << 24));
	tdcall(r);
	say("info rax=%x gpaw=%x attributes=%x vcpus=%x index=%x", r[RAX], r[RCX], r[RDX], r[R8],
	    r[R9]);
}

void case_cpl3(void)
{
	run_at_cpl3(user_tdcall);
}

void case_compatibility_mode(void)
{
	compat_tdcall();
	say("back");
}

void case_foreign(void)
{
	pvalidate(FRESH, 0, 1);
	rmpadjust(FRESH, 0, 1);
	vmgexit();
}

/* What the guest may choose itself: #VE for pending pages (TD_CTLS bit 0 clear) */
void case_choose_ve(void)
{
	u64 flags, control;

	vm_read(0x1110000300000016, &flags);
	say("flags=%x", flags);
	say("write=%x", vm_write(0x1110000300000017, 0, 1));
	vm_read(0x1110000300000017, &control);
	say("control=%x", control);
	say("read=%x", read8(FRESH + 0x123));
}

void case_choose_exit(void)
{
	say("write=%x", vm_write(0x1110000300000017, 1, 1));
	say("read=%x", read8(FRESH + 0x123));
}

void case_field(void)
{
	u64 value;

	say("unknown=%x", vm_read(0x123, &value));
	say("field-value=%x", value);
	say("read-only=%x", vm_write(0x1110000300000016, 0, 1));
	say("notify=%x", vm_write(0x9100000000000010, 0, 1));
	say("topology=%x", vm_read(0x9100000000000019, &value));
	say("configured=%x", value);
	say("enumerate=%x", vm_write(0x1110000300000017, 2, 2));
	say("reduce=%x", vm_write(0x1110000300000017, 8, 8));
}

/* An accepted page reads as zero, whatever was in it while it was shared. */
void case_content(void)
{
	page_accept(FRESH);
	say("fresh=%x", read64(FRESH + 8));
	write64(FRESH + 8, 0x1122334455667788);
	say("written=%x", read64(FRESH + 8));
	make_shared(FRESH, PAGE);
	write64(FRESH + 8 + SHARED_ALIAS, 0x99aabbccddeeff00);
	say("shared=%x", read64(FRESH + 8 + SHARED_ALIAS));
	make_private(FRESH, PAGE);
	say("accept=%x", page_accept(FRESH));
	say("zero=%x", read64(FRESH + 8));
}

void case_content_of_unit(void)
{
	page_accept(FRESH | LEVEL_2M);
	write64(FRESH + 100 * PAGE, 0x1122334455667788);
	make_shared(FRESH, UNIT);
	write64(FRESH + 200 * PAGE + SHARED_ALIAS, 0x99aabbccddeeff00);
	make_private(FRESH, UNIT);
	say("accept=%x", page_accept(FRESH | LEVEL_2M));
	say("first=%x", read64(FRESH + 100 * PAGE));
	say("second=%x", read64(FRESH + 200 * PAGE));
}

/* Given back, and accepted again before it is used */
void case_release(void)
{
	page_accept(FRESH | LEVEL_2M);
	write64(FRESH + 8, 0x1122334455667788);
	say("small=%x", page_release(FRESH));
	say("release=%x", page_release(FRESH | LEVEL_2M));
	say("again=%x", page_release(FRESH | LEVEL_2M));
	say("accept=%x", page_accept(FRESH | LEVEL_2M));
	say("zero=%x", read64(FRESH + 8));
}

void case_release_properly(void)
{
	page_accept(FRESH | LEVEL_2M);
	page_accept(FRESH + UNIT);
	page_release(FRESH | LEVEL_2M);
	page_release(FRESH + UNIT);
	page_accept(FRESH | LEVEL_2M);
	write64(FRESH + 8, 1);
	/* released, then given to the host, as a guest with TDX Connect does */
	page_release(FRESH | LEVEL_2M);
	make_shared(FRESH, UNIT);
	write64(FRESH + SHARED_ALIAS, 1);
	say("done");
}

/* A misbehaving guest: it uses what it gave back. */
void case_use_released(void)
{
	page_accept(FRESH);
	write64(FRESH + 8, 0x1122334455667788);
	say("release=%x", page_release(FRESH));
	say("read=%x", read64(FRESH + 8));
}

void case_reduce_ve(void)
{
	say("reduce=%x", vm_write(0x1110000300000017, 8, 8));
	say("apic-id=%x", rdmsr(0x802));
	say("exceptions=%x", exceptions);
}

void case_map_gpa(void)
{
	u64 r11;

	say("misaligned=%x", map_gpa(FRESH + 1, PAGE, &r11));
	say("size=%x", map_gpa(FRESH, 0x800, &r11));
	say("empty=%x", map_gpa(FRESH, 0, &r11));
	say("beyond=%x", map_gpa(1ull << 50, PAGE, &r11));
	say("hole=%x", map_gpa(HOLE, PAGE, &r11));
	say("r11=%x", r11);
	say("device=%x", map_gpa(0xfec00000 | SHARED_BIT, PAGE, &r11));
	say("shared=%x", map_gpa(FRESH | SHARED_BIT, PAGE, &r11));
	say("private=%x", map_gpa(FRESH, PAGE, &r11));
}

static u64 call(u64 function, u64 r12, u64 r13, u64 r14)
{
	struct vmcall vmcall = { .r11 = function, .r12 = r12, .r13 = r13, .r14 = r14 };

	return tdvmcall(&vmcall);
}

void case_vmcall_operands(void)
{
	u64 r[16] = { [RCX] = 0xfc01 };

	tdcall(r);
	say("mask=%x", r[RAX]);
	r[RAX] = 0;
	r[RCX] = 0xfc20;
	tdcall(r);
	say("rbp=%x", r[RAX]);
	say("io-size=%x", call(30, 3, 0, 0x3f8));
	say("io-port=%x", call(30, 1, 0, 0x10000));
	say("mmio-size=%x", call(48, 16, 0, 0xfee00020));
	say("msr=%x", call(31, 1ull << 32, 0, 0));
	say("function=%x", call(0x1234, 0, 0, 0));
}

/* The host's answer for a leaf, and the vCPU's own */
void case_vmcall_cpuid(void)
{
	struct vmcall vmcall = { .r11 = 10, .r12 = 0x80000008 };

	say("status=%x", tdvmcall(&vmcall));
	say("host eax=%x ebx=%x", vmcall.r12, vmcall.r13);
	say("vcpu eax=%x ebx=%x", (u64)cpuid(0x80000008), (u64)cpuid_ebx(0x80000008));
	vmcall = (struct vmcall){ .r11 = 10, .r12 = 0x40000001 };
	say("hypervisor-status=%x", tdvmcall(&vmcall));
	say("hypervisor eax=%x", vmcall.r12);
}

/* An address at which there is neither memory nor a device */
void case_mmio_nowhere(void)
{
	struct vmcall read = { .r11 = 48, .r12 = 4, .r14 = 0xd0000000 };
	struct vmcall write = { .r11 = 48, .r12 = 4, .r13 = 1, .r14 = 0xd0000000, .r15 = 1 };

	say("status=%x", tdvmcall(&read));
	say("read=%x", read.r11);
	say("write=%x", tdvmcall(&write));
}

/* The host may not be lent private memory: it has no key for it. */
void case_mmio_on_private(void)
{
	write64(0x210000, 0x1122334455667788);
	say("read-status=%x", call(48, 8, 0, 0x210000));
	say("leaked=%x", (u64)(mmio_read(0x210000, 8) == 0x1122334455667788));
	mmio_write(0x210000, 8, 0x99);
	say("after=%x", read64(0x210000));
}

static u64 report(u64 buffer, u64 data)
{
	u64 r[16] = { [RAX] = 4, [RCX] = buffer, [RDX] = data };

	tdcall(r);
	return r[RAX];
}

/* MR.REPORT writes 1024 bytes to a buffer of the guest's. */
void case_report(void)
{
	u64 data = 0x210000;

	write64(data, 0x1122334455667788);
	say("misaligned=%x", report(data + 64, data));
	say("done=%x", report(data + 0x400, data));
	say("data=%x", read64(data + 0x400 + 128));
}

void case_report_to_pending(void)
{
	say("status=%x", report(FRESH, 0x210000));
}
