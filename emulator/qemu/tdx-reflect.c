/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Instructions in a TD: what the module answers itself, and what it reflects
 * as #VE so that the guest can ask the host by TDVMCALL.
 */
#include "qemu/osdep.h"
#include "cpu.h"
#include "compat.h"
#include "hw/i386/apic.h"
#include "tcg/helper-tcg.h"
#include "tdx.h"
#include "host.h"

/* VMX exit reasons (SDM Vol 3D appendix C) */
enum {
    EXIT_CPUID = 10, EXIT_HLT = 12, EXIT_INVD = 13, EXIT_IO = 30,
    EXIT_RDMSR = 31, EXIT_WRMSR = 32, EXIT_MWAIT = 36, EXIT_MONITOR = 39,
    EXIT_WBINVD = 54,
};

#define LEAF_TDX 0x21u
#define LEAF_TSC 0x15u
#define LEAF_HYPERVISOR_FIRST 0x40000000u
#define LEAF_HYPERVISOR_LAST 0x4fffffffu

/* MSRs that the module virtualizes or passes through; every other access is
 * reflected (TDX module 1.5 MSR virtualization tables). */
static bool msr_is_native(uint32_t msr)
{
    switch (msr) {
    case 0x808:             /* x2APIC: what APIC virtualization answers: TPR, */
    case 0x80a ... 0x80b:   /* PPR, EOI, */
    case 0x810 ... 0x827:   /* ISR, TMR, IRR, */
    case 0x83f:             /* self IPI */
    case MSR_IA32_TSC:
    case MSR_IA32_APICBASE:
    case MSR_IA32_SPEC_CTRL:
    case MSR_IA32_UCODE_REV:
    case MSR_IA32_ARCH_CAPABILITIES:
    case MSR_IA32_SYSENTER_CS:
    case MSR_IA32_SYSENTER_ESP:
    case MSR_IA32_SYSENTER_EIP:
    case MSR_IA32_MISC_ENABLE:
    case MSR_PAT:
    case MSR_IA32_XSS:
    case MSR_EFER:
    case MSR_STAR:
    case MSR_LSTAR:
    case MSR_CSTAR:
    case MSR_FMASK:
    case MSR_FSBASE:
    case MSR_GSBASE:
    case MSR_KERNELGSBASE:
    case MSR_TSC_AUX:
        return true;
    default:
        return false;
    }
}

/* SVM's I/O information as a VMX exit qualification (SDM table 28-5). The
 * form with an immediate port is two bytes, beside a prefix for 16 bits. */
static uint64_t io_qualification(uint64_t svm, uint32_t insn_len)
{
    uint64_t size = (svm >> SVM_IOIO_SIZE_SHIFT) & 7;   /* 1, 2 or 4 */
    bool immediate = !(svm & SVM_IOIO_STR_MASK) &&
                     insn_len - (size == 2) == 2;

    return (size - 1) | (svm & SVM_IOIO_TYPE_MASK ? 1 << 3 : 0) |
           (svm & SVM_IOIO_STR_MASK ? 1 << 4 : 0) |
           (svm & SVM_IOIO_REP_MASK ? 1 << 5 : 0) | (immediate ? 1 << 6 : 0) |
           (svm & 0xffff0000u);
}

/* The x2APIC ID is the module's, once the guest enumerates the topology by it. */
static bool is_own_apic_id(EmulatedCpu *cpu, uint32_t msr, bool write)
{
    bool enumerates;

    if (msr != X2APIC_MSR_ID || write) {
        return false;
    }
    enumerates = tdx_vm_enumerates_topology(tdx_enter(cpu, 0));
    tdx_leave(cpu);
    return enumerates;
}

/* False: the TD executes the instruction itself. */
static bool reflects(EmulatedCpu *cpu, uint32_t svm_exit, uint64_t svm_info,
                     uint32_t insn_len, struct ve_info *info)
{
    CPUX86State *env = cpu_env(cpu->cs);
    uint32_t leaf = env->regs[R_EAX];

    info->length = 2;
    switch (svm_exit) {
    case SVM_EXIT_CPUID:
        info->reason = EXIT_CPUID;
        return leaf >= LEAF_HYPERVISOR_FIRST && leaf <= LEAF_HYPERVISOR_LAST;
    case SVM_EXIT_MSR:
        info->reason = svm_info ? EXIT_WRMSR : EXIT_RDMSR;
        return !cpu->host_acts && !msr_is_native(env->regs[R_ECX]) &&
               !is_own_apic_id(cpu, env->regs[R_ECX], svm_info);
    case SVM_EXIT_IOIO:
        info->reason = EXIT_IO;
        info->qualification = io_qualification(svm_info, insn_len);
        return true;
    case SVM_EXIT_HLT:
        info->reason = EXIT_HLT;
        info->length = 1;
        return true;
    case SVM_EXIT_INVD:
        info->reason = EXIT_INVD;
        return true;
    case SVM_EXIT_WBINVD:
        info->reason = EXIT_WBINVD;
        return true;
    case SVM_EXIT_MONITOR:
        info->reason = EXIT_MONITOR;
        info->length = 3;
        return true;
    case SVM_EXIT_MWAIT:
        info->reason = EXIT_MWAIT;
        info->length = 3;
        return true;
    default:
        return false;
    }
}

void tdx_reflect(EmulatedCpu *cpu, uint32_t svm_exit, uint64_t svm_info,
                 uint32_t insn_len, uintptr_t retaddr)
{
    struct ve_info info = { };

    if (reflects(cpu, svm_exit, svm_info, insn_len, &info)) {
        if (insn_len) {
            info.length = insn_len;
        }
        tdx_raise(cpu, &info, retaddr);
    }
}

static bool is_x2apic(uint32_t msr)
{
    return msr >= X2APIC_MSR_FIRST && msr <= X2APIC_MSR_LAST;
}

/* The helpers have stored RIP and flags before. */
static G_NORETURN void refuse_msr(EmulatedCpu *cpu)
{
    raise_exception_err_ra(cpu_env(cpu->cs), EXCP0D_GPF, 0, 0);
}

/* A TD's local APIC is in x2APIC mode from the start and for good. */
bool tdx_rdmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t *value)
{
    if (msr == MSR_IA32_APICBASE) {
        *value = cpu_get_apic_base(X86_CPU(cpu->cs)->apic_state) |
                 MSR_IA32_APICBASE_EXTD;
        return true;
    }
    if (is_x2apic(msr)) {
        if (!host_rdmsr(cpu, msr, value)) {
            refuse_msr(cpu);
        }
        return true;
    }
    return false;
}

bool tdx_wrmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t value)
{
    if (msr == MSR_IA32_APICBASE) {
        return true;
    }
    if (is_x2apic(msr)) {
        if (!host_wrmsr(cpu, msr, value)) {
            refuse_msr(cpu);
        }
        return true;
    }
    return false;
}

/* Between what the processor model has and the TDX leaf: all zeros, where
 * QEMU would repeat its last leaf. */
static bool leaf_is_gap(uint32_t last, uint32_t leaf)
{
    return leaf > last && leaf < LEAF_TDX;
}

/* The leaves that the module makes up; the others are the processor's own. */
bool tdx_cpuid(EmulatedCpu *cpu)
{
    CPUX86State *env = cpu_env(cpu->cs);
    uint32_t regs[4];

    switch ((uint32_t)env->regs[R_EAX]) {
    case 0:
        host_answer_cpuid(cpu, 0, 0, regs);
        env->regs[R_EAX] = LEAF_TDX;
        env->regs[R_EBX] = regs[HOST_EBX];
        env->regs[R_ECX] = regs[HOST_ECX];
        env->regs[R_EDX] = regs[HOST_EDX];
        return true;
    case 1:
        host_answer_cpuid(cpu, 1, 0, regs);
        env->regs[R_EAX] = regs[HOST_EAX];
        env->regs[R_EBX] = regs[HOST_EBX];
        env->regs[R_ECX] = regs[HOST_ECX] | CPUID_EXT_X2APIC;
        env->regs[R_EDX] = regs[HOST_EDX];
        return true;
    case LEAF_TSC:
        /* icount runs the TSC and the local APIC's timer at 1 GHz. */
        env->regs[R_EAX] = env->regs[R_EBX] = !!icount_enabled();
        env->regs[R_ECX] = icount_enabled() ? 1000000000 : 0;
        env->regs[R_EDX] = 0;
        return true;
    case LEAF_TDX:      /* "IntelTDX    " */
        env->regs[R_EAX] = 0;
        env->regs[R_EBX] = 0x65746e49;
        env->regs[R_EDX] = 0x5844546c;
        env->regs[R_ECX] = 0x20202020;
        return true;
    default:
        if (leaf_is_gap(env->cpuid_level, env->regs[R_EAX])) {
            env->regs[R_EAX] = env->regs[R_EBX] = 0;
            env->regs[R_ECX] = env->regs[R_EDX] = 0;
            return true;
        }
        return false;
    }
}
