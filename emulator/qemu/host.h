/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The services of a host that SNP and TDX guests both ask for, each by its
 * own protocol: CPUID, MSRs, port I/O, MMIO, waiting for an interrupt.
 */
#ifndef ACCEPTLAB_HOST_H
#define ACCEPTLAB_HOST_H

#include "guest.h"

enum { HOST_EAX, HOST_EBX, HOST_ECX, HOST_EDX };

void host_answer_cpuid(EmulatedCpu *cpu, uint32_t leaf, uint32_t subleaf,
                uint32_t regs[4]);
/* The local APIC's registers as MSRs (SDM Vol 3A table 11-6) */
#define X2APIC_MSR_FIRST 0x800u
#define X2APIC_MSR_LAST 0x8ffu
#define X2APIC_MSR_ID 0x802u

/*
 * MSRs that the host holds; the local APIC's in its x2APIC form too. False:
 * the access ends in #GP, and nothing was read or written.
 */
bool host_rdmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t *value);
bool host_wrmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t value);
/* size: 1, 2 or 4 bytes */
uint32_t host_in(uint16_t port, unsigned size);
void host_out(uint16_t port, unsigned size, uint32_t value);
/*
 * size: 1 to 8 bytes. Where no device answers, a read gives all ones and a write
 * has no effect. False: a device refused, or gpa is memory that is not shared.
 */
bool host_mmio_read(EmulatedCpu *cpu, hwaddr gpa, void *to, unsigned size);
bool host_mmio_write(EmulatedCpu *cpu, hwaddr gpa, const void *from,
                     unsigned size);
/* The vCPU sleeps until an interrupt is pending; resumes insn_len further. */
G_NORETURN void host_halt(EmulatedCpu *cpu, uint32_t insn_len);

#endif
