/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulated SEV-SNP guest: what its source files share. */
#ifndef ACCEPTLAB_SNP_GUEST_H
#define ACCEPTLAB_SNP_GUEST_H

#include "guest.h"
#include "model/snp.h"

#define TYPE_SNP_EMULATED "snp-emulated"
OBJECT_DECLARE_SIMPLE_TYPE(SnpGuest, SNP_EMULATED)

#define SNP_C_BIT 51            /* CPUID 8000001F EBX[5:0] */
#define VC_VECTOR 29            /* #VC VMM communication exception */

struct SnpGuest {
    EmulatedGuest parent_obj;
    struct snp_vm *vm;
    EmulatedCpu *acting;        /* vCPU on whose behalf the model runs */
    uintptr_t acting_retaddr;
    bool flush;                 /* some page lost access during the call */
};

/* Every call into the model stands between these two (snp.c). */
struct snp_vm *snp_enter(EmulatedCpu *cpu, uintptr_t retaddr);
void snp_leave(EmulatedCpu *cpu);

/* CPUID as an SNP guest is told it (snp-cpuid.c). */
void snp_cpuid(EmulatedCpu *cpu, uint32_t leaf, uint32_t subleaf,
               uint32_t regs[4]);
/* The launch contents of the CPUID page and the secrets page (4 KiB each). */
void snp_fill_cpuid_page(EmulatedCpu *cpu, void *page);
void snp_fill_secrets_page(void *page);

/* VMGEXIT (snp-vmgexit.c). */
void snp_vmgexit(EmulatedCpu *cpu, uint32_t insn_len, uintptr_t retaddr);
/* Starts a secondary vCPU from the save area at gpa (snp-vmsa.c). */
bool snp_start_cpu(EmulatedGuest *guest, uint32_t apic_id, hwaddr gpa);
/* Takes a vCPU out of its save area, for good (snp-vmsa.c). */
bool snp_stop_cpu(EmulatedGuest *guest, uint32_t apic_id);

/* The guest ends for what the model says (snp.c). */
G_NORETURN void snp_stop(EmulatedCpu *cpu, hwaddr gpa,
                         const struct access_fault *fault,
                         enum access_kind kind, bool private,
                         uintptr_t retaddr);

#endif
