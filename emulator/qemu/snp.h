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

typedef struct SnpVcpu {
    uint64_t ghcb_msr;          /* MSR C001_0130 */
} SnpVcpu;

struct SnpGuest {
    EmulatedGuest parent_obj;
    struct snp_vm *vm;
    SnpVcpu *vcpu;              /* [cpus] */
    EmulatedCpu *acting;        /* vCPU on whose behalf the model runs */
    uintptr_t acting_retaddr;
    bool flush;                 /* some page lost access during the call */
    bool debug_swap;            /* SEV_FEATURES[5], a property: DR7 is the guest's */
};

/* What the platform has of a vCPU (snp-model.c). */
SnpVcpu *snp_vcpu(EmulatedCpu *cpu);
/* Builds the model with the memory of the handoff (snp-model.c). */
void snp_start(EmulatedGuest *guest, Error **errp);
/* Saves or loads what the platform has (snp-model.c). */
void snp_state(EmulatedGuest *guest, StateStream *stream);
/* Every call into the model stands between these two (snp-model.c). */
struct snp_vm *snp_enter(EmulatedCpu *cpu, uintptr_t retaddr);
void snp_leave(EmulatedCpu *cpu);

/* CPUID as an SNP guest sees it (snp-cpuid.c). */
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

/* Instructions that a host intercepts (snp-reflect.c). */
void snp_reflect(EmulatedCpu *cpu, uint32_t svm_exit, uint64_t info,
                 uint32_t insn_len, uintptr_t retaddr);
bool snp_cpuid_native(EmulatedCpu *cpu);
bool snp_rdmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t *value);
bool snp_wrmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t value);
void snp_reset_cpu(EmulatedCpu *cpu);

#endif
