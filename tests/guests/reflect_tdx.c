/* SPDX-License-Identifier: GPL-2.0-only */
/* What a TD is told of by #VE, and what it executes itself. */
#include "platform_tdx.h"

#define MSR_EFER 0xc0000080
#define MSR_TSC_AUX 0xc0000103
#define MSR_MTRR_CAP 0xfe

void case_reflected(void)
{
	cpuid(0x40000000);
	rdmsr(MSR_MTRR_CAP);
	wrmsr(MSR_MTRR_CAP, 0);
	in8(0x80);
	out32(0x81, 1);
	outs8("xy", 2, 0x82);
	out8_immediate(1);
	hlt();
	wbinvd();
	invd();
	monitor(&exceptions);
	mwait();
}

void case_native(void)
{
	say("signature=%x", (u64)cpuid_ebx(0x21));
	say("last-leaf=%x", (u64)cpuid(0));
	say("efer=%x", rdmsr(MSR_EFER));
	wrmsr(MSR_TSC_AUX, 0x77);
	say("aux=%x", rdmsr(MSR_TSC_AUX));
	rdtsc();
	say("exceptions=%x", exceptions);
}

void case_by_host(void)
{
	struct vmcall call = { .r11 = 10, .r12 = 0x40000000 };

	say("cpuid=%x", tdvmcall(&call));
	say("ebx=%x", call.r13);
	call = (struct vmcall){ .r11 = 31, .r12 = 0x802 };
	say("rdmsr=%x", tdvmcall(&call));
	say("apic-id=%x", call.r11);
}

/* The x2APIC ID: by #VE, until the guest lets the module enumerate the topology */
void case_topology(void)
{
	rdmsr(0x802);
	say("before=%x", exceptions);
	say("write=%x", vm_write(0x1110000300000017, 2, 2));
	say("apic-id=%x", rdmsr(0x802));
	say("after=%x", exceptions);
	wrmsr(0x802, 0);
	say("write-exceptions=%x", exceptions);
}

static int nested(struct frame *frame)
{
	if (frame->vector == 20)
		cpuid(0x40000001);	/* #VE before the first one's information was fetched */
	return 0;
}

void case_nested(void)
{
	exception_hook = nested;
	cpuid(0x40000000);
	say("not reached");
}

void case_nothing_to_tell(void)
{
	u64 r[16];

	say("none=%x", ve_info(r));
	cpuid(0x40000000);
	say("after=%x", ve_info(r));
}

#define MSR_PKRS 0x6e1
#define VMCALL_RDMSR 31
#define VMCALL_WRMSR 32

static u64 ask_rdmsr(u32 msr)
{
	struct vmcall call = { .r11 = VMCALL_RDMSR, .r12 = msr };

	return tdvmcall(&call);
}

static u64 ask_wrmsr(u32 msr, u64 value)
{
	struct vmcall call = { .r11 = VMCALL_WRMSR, .r12 = msr, .r13 = value };

	return tdvmcall(&call);
}

/* x2APIC registers that there are not, or not for reading, or not for writing */
void case_no_such_apic_register(void)
{
	static const u32 unreadable[] = { 0x800, 0x80b, 0x80e, 0x829, 0x831, 0x83f, 0x840, 0x8ff };
	static const u32 unwritable[] = { 0x802, 0x80d, 0x831, 0x839, 0x840, 0x8ff };
	u64 i;

	for (i = 0; i < sizeof(unreadable) / sizeof(u32); i++)
		say("read=%x", ask_rdmsr(unreadable[i]));
	for (i = 0; i < sizeof(unwritable) / sizeof(u32); i++)
		say("write=%x", ask_wrmsr(unwritable[i], 0));
	say("version=%x", ask_rdmsr(0x803));
	say("task-priority=%x", ask_wrmsr(0x808, 0));
	/* the module's own: no exit, and no answer of the host's */
	rdmsr(0x80b);
	wrmsr(0x810, 0);
}

/* The host's processor refuses the value. */
void case_refused_write(void)
{
	say("refused=%x", ask_wrmsr(MSR_PKRS, 1ull << 32));
	say("taken=%x", ask_wrmsr(MSR_PKRS, 4));
	rdmsr(MSR_MTRR_CAP);
}
