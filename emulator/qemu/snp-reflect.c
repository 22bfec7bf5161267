/* SPDX-License-Identifier: GPL-2.0-only */
/* Instructions in an SNP guest: what a host intercepts, reflected as #VC. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "compat.h"
#include "tcg/helper-tcg.h"
#include "snp.h"

#define MSR_SEV_STATUS 0xc0010131       /* Linux msr-index.h MSR_AMD64_SEV */
#define MSR_GHCB 0xc0010130
#define SEV_STATUS_SNP_GUEST 7          /* SEV, SEV-ES and SEV-SNP active */
#define SEV_STATUS_DEBUG_SWAP (1u << 7)

/* MSRs that a host leaves to the guest: hardware never intercepts the first
 * two, KVM passes the others through for SEV-ES guests (Linux svm/svm.c,
 * svm/sev.c sev_es_init_vmcb). */
static bool msr_is_native(uint32_t msr)
{
    switch (msr) {
    case MSR_GHCB:
    case MSR_SEV_STATUS:
    case MSR_STAR:
    case MSR_LSTAR:
    case MSR_CSTAR:
    case MSR_FMASK:
    case MSR_FSBASE:
    case MSR_GSBASE:
    case MSR_KERNELGSBASE:
    case MSR_TSC_AUX:
    case MSR_EFER:
    case MSR_PAT:
    case MSR_IA32_SYSENTER_CS:
    case MSR_IA32_SYSENTER_ESP:
    case MSR_IA32_SYSENTER_EIP:
    case MSR_IA32_SPEC_CTRL:
        return true;
    default:
        return false;
    }
}

static bool is_reflected(EmulatedCpu *cpu, uint32_t svm_exit)
{
    CPUX86State *env = cpu_env(cpu->cs);

    switch (svm_exit) {
    case SVM_EXIT_MSR:
        return !cpu->host_acts && !msr_is_native(env->regs[R_ECX]);
    case SVM_EXIT_CPUID:
    case SVM_EXIT_IOIO:
    case SVM_EXIT_WBINVD:
    case SVM_EXIT_INVD:
    case SVM_EXIT_RDPMC:
    case SVM_EXIT_MONITOR:
    case SVM_EXIT_MWAIT:
        return true;
    case SVM_EXIT_READ_DR0 + 7:
    case SVM_EXIT_WRITE_DR0 + 7:
        /* KVM svm/sev.c sev_es_init_vmcb(): semantics.md 1.9.10 */
        return !SNP_EMULATED(cpu->guest)->debug_swap;
    default:
        return false;
    }
}

void snp_reflect(EmulatedCpu *cpu, uint32_t svm_exit, uint64_t info,
                 uint32_t insn_len, uintptr_t retaddr)
{
    if (svm_exit == SVM_EXIT_HLT) {
        /* An automatic exit: the guest is not notified (APM Vol 2 15.35.4). */
        cpu->host_halted = false;
    }
    if (is_reflected(cpu, svm_exit)) {
        raise_exception_err_ra(cpu_env(cpu->cs), VC_VECTOR, svm_exit,
                               retaddr);
    }
}

bool snp_cpuid_native(EmulatedCpu *cpu)
{
    return false;       /* CPUID is always intercepted */
}

bool snp_rdmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_SEV_STATUS:
        *value = SEV_STATUS_SNP_GUEST;
        if (SNP_EMULATED(cpu->guest)->debug_swap) {
            *value |= SEV_STATUS_DEBUG_SWAP;
        }
        return true;
    case MSR_GHCB:
        *value = snp_vcpu(cpu)->ghcb_msr;
        return true;
    default:
        return false;
    }
}

bool snp_wrmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_SEV_STATUS:
        return true;    /* read-only; a write is ignored */
    case MSR_GHCB:
        snp_vcpu(cpu)->ghcb_msr = value;
        return true;
    default:
        return false;
    }
}

void snp_reset_cpu(EmulatedCpu *cpu)
{
    snp_vcpu(cpu)->ghcb_msr = 0;
}
