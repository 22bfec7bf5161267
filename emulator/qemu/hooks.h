/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that QEMU has call in acceptlab's. Every function here is
 * reached only where env->confidential is set, so that an ordinary guest
 * pays one test of a pointer, in slow paths only.
 */
#ifndef ACCEPTLAB_HOOKS_H
#define ACCEPTLAB_HOOKS_H

#include "exec/cpu-all.h"

enum ConfidentialInsn {
    INSN_PVALIDATE,     /* F2 0F 01 FF */
    INSN_RMPADJUST,     /* F3 0F 01 FE */
    INSN_VMGEXIT,       /* F2 or F3 0F 01 D9 */
    INSN_TDCALL,        /* 66 0F 01 CC */
};

/* The instruction that ModRM and prefixes of an 0F 01 opcode mean, or -1. */
static inline int emulated_guest_decode(int modrm, bool repz, bool repnz,
                                        bool data)
{
    switch (modrm) {
    case 0xff:
        return repnz ? INSN_PVALIDATE : -1;
    case 0xfe:
        return repz ? INSN_RMPADJUST : -1;
    case 0xd9:
        return repz || repnz ? INSN_VMGEXIT : -1;
    case 0xcc:
        return data ? INSN_TDCALL : -1;
    default:
        return -1;
    }
}

/* Whether translated code has to ask before it executes an instruction class
 * (SVM exit code) that some platform reflects to the guest. */
static inline bool emulated_guest_may_reflect(uint32_t svm_exit)
{
    switch (svm_exit) {
    case 0x27:          /* read of DR7 */
    case 0x37:          /* write to DR7 */
    case 0x6f:          /* RDPMC */
    case 0x76:          /* INVD */
    case 0x78:          /* HLT */
    case 0x89:          /* WBINVD */
        return true;
    default:
        return false;
    }
}

/* Code at pc has a probe, or is panic(): translated code reports each
 * execution. Nobody asks while the flag is clear. */
extern bool emulated_guest_has_probes;
bool emulated_guest_probed(uint64_t pc);

/* A vCPU is realized: give it its own view of memory and its table bit. */
void emulated_guest_attach(CPUState *cs);

/* A TLB fill begins: remember what the page walks below it are for. */
void emulated_guest_begin_fill(CPUX86State *env, vaddr addr,
                               MMUAccessType access_type, int mmu_idx,
                               uintptr_t retaddr);

/* The translation is known: check it against the state of the page. May
 * narrow *prot, redirect *paddr, or not return. False: refused (probe only). */
bool emulated_guest_check_fill(CPUX86State *env, vaddr addr,
                               bool confidential_bit,
                               MMUAccessType access_type, int mmu_idx,
                               bool probe, uintptr_t retaddr,
                               hwaddr *paddr, int *prot);

/* An instruction that an intercept of the host may turn into #VC or #VE. */
void emulated_guest_reflect(CPUX86State *env, uint32_t svm_exit,
                            uint64_t info, uint32_t insn_len,
                            uintptr_t retaddr);

/* True where the platform itself answered the instruction. */
bool emulated_guest_cpuid(CPUX86State *env);
bool emulated_guest_rdmsr(CPUX86State *env);
bool emulated_guest_wrmsr(CPUX86State *env);

/* An MSR helper refuses an access. True: it is the host's, which is
 * notified, and the guest gets no #GP. */
bool emulated_guest_host_msr_fails(CPUX86State *env);

/* A vCPU that the host halted on request wakes for any interrupt, whatever
 * IF says: the guest asks with interrupts off and enables them on return. */
bool emulated_guest_wakes(CPUState *cs);

void emulated_guest_triple_fault(CPUX86State *env, uintptr_t retaddr);

/* In QEMU's excp_helper.c: translate an operand as the access itself would,
 * with its faults, but without the check of the page's state. */
hwaddr x86_translate_operand(CPUX86State *env, vaddr addr, uintptr_t retaddr,
                             bool *confidential_bit);

#endif
