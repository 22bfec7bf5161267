/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host intercepts and the processor reflects as #VC, and what it does not. */
#include "platform_snp.h"

#define MSR_TSC_AUX 0xc0000103
#define MSR_EFER 0xc0000080
#define MSR_SEV_STATUS 0xc0010131
#define MSR_MISC_ENABLE 0x1a0
#define MSR_APIC_BASE 0x1b

void case_reflected(void)
{
	cpuid(0);
	rdmsr(MSR_MISC_ENABLE);
	wrmsr(MSR_MISC_ENABLE, 0);
	in8(0x80);
	out32(0x80, 1);
	out8_immediate(1);
	outs8("x", 1, 0x80);
	wbinvd();
	invd();
	rdpmc();
	monitor(&exceptions);
	mwait();
	write_dr7(0x400);
	read_dr7();
}

/* With DebugSwap the register is the guest's own */
void case_dr7(void)
{
	say("status=%x", rdmsr(MSR_SEV_STATUS));
	write_dr7(0x401);
	say("dr7=%x", read_dr7());
	say("exceptions=%x", exceptions);
}

/* What a handler of #VC asks of a host that intercepts DR7 */
void case_dr7_by_host(void)
{
	ghcb_begin();
	ghcb_set(GHCB_RAX, 0x400);
	say("write=%x", ghcb_exit(0x37, 0, 0));
	ghcb_begin();
	say("read=%x", ghcb_exit(0x27, 0, 0));
}

void case_native(void)
{
	say("status=%x", rdmsr(MSR_SEV_STATUS));
	wrmsr(MSR_SEV_STATUS, 0);
	say("status-after=%x", rdmsr(MSR_SEV_STATUS));
	say("efer=%x", rdmsr(MSR_EFER));
	wrmsr(MSR_TSC_AUX, 0x77);
	say("aux=%x", rdmsr(MSR_TSC_AUX));
	say("ghcb=%x", (u64)(rdmsr(MSR_GHCB) == ghcb_gpa()));
	rdtsc();
	say("exceptions=%x", exceptions);
}

static u64 cpuid_by_host(u32 leaf)
{
	ghcb_begin();
	ghcb_set(GHCB_RAX, leaf);
	ghcb_set(GHCB_RCX, 0);
	return ghcb_exit(0x72, 0, 0);
}

void case_cpuid_by_host(void)
{
	u64 status = cpuid_by_host(0x8000001f);

	say("sev status=%x eax=%x ebx=%x", status, ghcb_get(GHCB_RAX), ghcb_get(GHCB_RBX));
	say("by-msr=%x", ghcb_msr(0x8000001full << 32 | 1ull << 30 | 0x004));
}

void case_msr_by_host(void)
{
	u64 status;

	ghcb_begin();
	ghcb_set(GHCB_RCX, MSR_APIC_BASE);
	status = ghcb_exit(0x7c, 0, 0);
	say("read status=%x base=%x", status, ghcb_get(GHCB_RAX) & ~0xfffull);
	ghcb_begin();
	ghcb_set(GHCB_RCX, MSR_MISC_ENABLE);
	ghcb_set(GHCB_RAX, 1);
	ghcb_set(GHCB_RDX, 0);
	say("write=%x", ghcb_exit(0x7c, 1, 0));
}

/* Serial output by one string instruction, its bytes in the GHCB */
void case_string_io(void)
{
	static const char text[] = "from the shared buffer\n";
	unsigned int i;

	ghcb_begin();
	ghcb_set(GHCB_SCRATCH, ghcb_gpa() + GHCB_BUFFER);
	for (i = 0; i < sizeof(text) - 1; i++)
		ghcb()[GHCB_BUFFER + i] = text[i];
	ghcb_exit(0x7b, 0x3f8ull << 16 | 1 << 4 | 1 << 2 | 1 << 3, sizeof(text) - 1);
}

#define MSR_PKRS 0x6e1

static u64 ask_wrmsr(u32 msr, u64 value)
{
	ghcb_begin();
	ghcb_set(GHCB_RCX, msr);
	ghcb_set(GHCB_RAX, (u32)value);
	ghcb_set(GHCB_RDX, value >> 32);
	return ghcb_exit(0x7c, 1, 0);
}

/* The host's processor refuses the value; no such register of the x2APIC */
void case_refused_msr(void)
{
	say("refused=%x", ask_wrmsr(MSR_PKRS, 1ull << 32));
	say("taken=%x", ask_wrmsr(MSR_PKRS, 4));
	ghcb_begin();
	ghcb_set(GHCB_RCX, 0x8ff);
	say("read=%x", ghcb_exit(0x7c, 0, 0));
	rdmsr(MSR_MISC_ENABLE);
}
