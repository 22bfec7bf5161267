/* SPDX-License-Identifier: GPL-2.0-only */
/* What QEMU's own files call (hooks.h): passed on to the platform. */
#include "qemu/osdep.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "exec/helper-proto.h"
#include "tcg/helper-tcg.h"
#include "guest.h"
#include "schedule.h"
#include "stop.h"
#include "table-watch.h"
#include "turns.h"

void emulated_guest_attach(CPUState *cs)
{
    EmulatedGuest *guest = emulated_guest_of_machine();
    CPUX86State *env = cpu_env(cs);
    EmulatedCpu *cpu;

    if (!guest) {
        return;
    }
    if (!guest->cpus) {
        emulated_guest_init_memory(guest);
        guest->cpu = g_new0(EmulatedCpu,
                            MACHINE(qdev_get_machine())->smp.max_cpus);
    }
    cs->memory = &guest->watched_view;
    cpu = &guest->cpu[guest->cpus];
    *cpu = (EmulatedCpu) {
        .guest = guest,
        .platform = EMULATED_GUEST_GET_CLASS(guest),
        .cs = cs,
        .index = guest->cpus++,
    };
    env->confidential = cpu;
    env->confidential_bit = cpu->platform->table_bit;
}

void emulated_guest_begin_fill(CPUX86State *env, vaddr addr,
                               MMUAccessType access_type, int mmu_idx,
                               uintptr_t retaddr)
{
    if (mmu_idx != MMU_PHYS_IDX) {
        env->confidential->walk_gva = addr;
        env->confidential->walk_retaddr = retaddr;
    }
}

static enum access_kind kind_of(MMUAccessType access_type, int mmu_idx)
{
    if (mmu_idx == MMU_PHYS_IDX) {
        return ACCESS_WALK;
    }
    return access_type == MMU_INST_FETCH ? ACCESS_FETCH :
           access_type == MMU_DATA_STORE ? ACCESS_WRITE : ACCESS_READ;
}

/* Fetches and data accesses follow different rules where the table bit is
 * set or clear, so that one TLB entry must not stand for both. */
static int prot_of(enum access_kind kind, int prot)
{
    return kind == ACCESS_FETCH ? prot & PAGE_EXEC : prot & ~PAGE_EXEC;
}

bool emulated_guest_check_fill(CPUX86State *env, vaddr addr,
                               bool confidential_bit,
                               MMUAccessType access_type, int mmu_idx,
                               bool probe, uintptr_t retaddr,
                               hwaddr *paddr, int *prot)
{
    EmulatedCpu *cpu = env->confidential;
    const EmulatedGuestClass *platform = cpu->platform;
    enum access_kind kind = kind_of(access_type, mmu_idx);
    bool walk = kind == ACCESS_WALK;
    GuestAccess access = {
        .gva = walk ? cpu->walk_gva : addr,
        .gpa = *paddr,
        .kind = kind,
        .table_bit = confidential_bit,
        .paging = !walk && (env->cr[0] & CR0_PG_MASK),
        .probe = probe && !walk,
        .retaddr = walk ? cpu->walk_retaddr : retaddr,
    };

    if (kind == ACCESS_FETCH) {
        emulated_guest_fetch(cpu, addr, *paddr, retaddr);
    }
    switch (platform->check(cpu, &access)) {
    case FILL_REFUSED:
        return false;
    case FILL_CIPHERTEXT:
        *paddr = EMULATED_GUEST_CIPHERTEXT | (*paddr & ~TARGET_PAGE_MASK);
        *prot = PAGE_READ;
        return true;
    case FILL_ALLOWED:
        *prot = table_watch_prot(cpu, *paddr, kind, *prot);
        if (access.paging &&
            confidential_bit != platform->private_bit_value) {
            *prot = prot_of(kind, *prot);
        }
        return true;
    }
    g_assert_not_reached();
}

void emulated_guest_reflect(CPUX86State *env, uint32_t svm_exit,
                            uint64_t info, uint32_t insn_len,
                            uintptr_t retaddr)
{
    EmulatedCpu *cpu = env->confidential;

    cpu->platform->reflect(cpu, svm_exit, info,
                                                  insn_len, retaddr);
}

void helper_confidential_insn(CPUX86State *env, uint32_t insn,
                              uint32_t insn_len)
{
    EmulatedCpu *cpu = env->confidential;

    /* The translator takes the flags to be up to date from here on. */
    CC_SRC = compute_flags(env);
    CC_OP = CC_OP_EFLAGS;
    if (insn == INSN_VMGEXIT ||
        (insn == INSN_TDCALL && !env->regs[R_EAX])) {   /* leaf 0: VMCALL */
        qatomic_inc(&cpu->guest->exits);
    }
    cpu->platform->insn(cpu, insn, insn_len, GETPC());
}

/*
 * Linux waits for its APIC timer's calibration in ten million PAUSEs. Each
 * would hand the emulator's one thread to the next vCPU: do it only if there
 * is a vCPU to run.
 */
void helper_confidential_pause(CPUX86State *env, uint32_t insn_len)
{
    CPUState *cs = env_cpu(env), *other;

    CPU_FOREACH(other) {
        if (other != cs && turns_can_use(other)) {
            cpu_restore_state(cs, GETPC());
            env->eip += insn_len;
            schedule_pause();
            turns_give_way();
            give_way(env);
        }
    }
}

bool emulated_guest_cpuid(CPUX86State *env)
{
    EmulatedCpu *cpu = env->confidential;

    return cpu->platform->cpuid(cpu);
}

bool emulated_guest_rdmsr(CPUX86State *env)
{
    EmulatedCpu *cpu = env->confidential;
    uint64_t value;

    if (!cpu->platform->rdmsr(
            cpu, env->regs[R_ECX], &value)) {
        return false;
    }
    env->regs[R_EAX] = (uint32_t)value;
    env->regs[R_EDX] = value >> 32;
    return true;
}

bool emulated_guest_wrmsr(CPUX86State *env)
{
    EmulatedCpu *cpu = env->confidential;
    uint64_t value = (uint32_t)env->regs[R_EAX] |
                     (uint64_t)env->regs[R_EDX] << 32;

    return cpu->platform->wrmsr(
        cpu, env->regs[R_ECX], value);
}

bool emulated_guest_host_msr_fails(CPUX86State *env)
{
    EmulatedCpu *cpu = env->confidential;

    cpu->host_msr_failed = cpu->host_acts;
    return cpu->host_acts;
}

bool emulated_guest_wakes(CPUState *cs)
{
    return cs->halted && X86_CPU(cs)->env.confidential->host_halted &&
           (cs->interrupt_request & CPU_INTERRUPT_HARD);
}

void emulated_guest_triple_fault(CPUX86State *env, uintptr_t retaddr)
{
    guest_triple_fault(env->confidential, retaddr);
}
