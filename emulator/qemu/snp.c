/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulated SEV-SNP guest: accesses, PVALIDATE, RMPADJUST, the object. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "hw/i386/apic.h"
#include "tcg/helper-tcg.h"
#include "snp.h"
#include "rmw.h"
#include "stop.h"
#include "straddle.h"

/* ---- accesses --------------------------------------------------------------- */

static G_NORETURN void not_validated(EmulatedCpu *cpu,
                                     const GuestAccess *access,
                                     const struct access_fault *fault,
                                     bool private)
{
    CPUX86State *env = cpu_env(cpu->cs);

    cpu->bytes_before = guest_access_bytes_before(cpu, access);
    cpu_restore_state(cpu->cs, access->retaddr);
    guest_fault(cpu, access->gpa, fault, access->kind, private);
    env->cr[2] = access->gva;
    raise_exception_err_ra(env, VC_VECTOR, fault->platform, 0);
}

/*
 * A register of the local APIC is one whatever the C-bit says: there is no RAM
 * for a host to map. OVMF relies on it before it has its own page tables
 * (edk2 OvmfPkg/Library/CcExitLib/CcExitVcHandler.c, ValidateMmioMemory()).
 */
static bool is_local_apic(const GuestAccess *access)
{
    return (access->kind == ACCESS_READ || access->kind == ACCESS_WRITE) &&
           (access->gpa & TARGET_PAGE_MASK) == APIC_DEFAULT_ADDRESS;
}

static FillVerdict snp_check(EmulatedCpu *cpu, const GuestAccess *access)
{
    /* Fetches and page walks are private whatever the C-bit says, and so is
     * everything without paging (APM Vol 2 15.34.5, 15.36.10). */
    bool private = (!access->paging || access->table_bit ||
                    access->kind == ACCESS_FETCH) && !is_local_apic(access);
    struct access model_access = {
        .gpa = access->gpa,
        .gla = access->gva,
        .kind = access->kind,
        .private = private,
        .user = (cpu_env(cpu->cs)->hflags &
                 HF_CPL_MASK) == 3,
    };
    struct access_fault fault = { };
    enum access_verdict verdict;

    verdict = snp_access(snp_enter(cpu, access->retaddr), cpu->index,
                         &model_access, &fault);
    snp_leave(cpu);
    if (verdict != VERDICT_ALLOWED && guest_access_modifies(cpu, access)) {
        GuestAccess write = *access;

        write.kind = ACCESS_WRITE;
        return snp_check(cpu, &write);
    }
    switch (verdict) {
    case VERDICT_ALLOWED:
        return FILL_ALLOWED;
    case VERDICT_CIPHERTEXT:
        if (!access->probe) {
            guest_ciphertext(cpu, access->gpa, access->retaddr);
        }
        return FILL_CIPHERTEXT;
    case VERDICT_MMIO:
        if (access->probe) {
            return FILL_REFUSED;
        }
        cpu_restore_state(cpu->cs, access->retaddr);
        cpu_env(cpu->cs)->cr[2] = access->gva;
        raise_exception_err_ra(cpu_env(cpu->cs), VC_VECTOR, SVM_EXIT_NPF, 0);
    case VERDICT_GUEST_FAULT:
        if (access->probe) {
            return FILL_REFUSED;
        }
        not_validated(cpu, access, &fault, private);
    default:
        if (access->probe) {
            return FILL_REFUSED;
        }
        cpu->bytes_before = guest_access_bytes_before(cpu, access);
        guest_stop(cpu, access->gpa, &fault, access->kind, private,
                   access->retaddr);
    }
}

static bool snp_dma_allowed(EmulatedGuest *guest, hwaddr gpa)
{
    return snp_host_may_access(SNP_EMULATED(guest)->vm, gpa, 1);
}

/* ---- instructions ------------------------------------------------------------- */

static void set_carry(CPUX86State *env, bool carry)
{
    CC_SRC = (CC_SRC & ~CC_C) | (carry ? CC_C : 0);
}

/* Everything but SNP_DONE and SNP_WALK ends the instruction. */
static void finish(EmulatedCpu *cpu, enum snp_outcome outcome,
                   const struct snp_answer *answer, hwaddr gpa,
                   uintptr_t retaddr)
{
    CPUX86State *env = cpu_env(cpu->cs);

    switch (outcome) {
    case SNP_UD:
        raise_exception_ra(env, EXCP06_ILLOP, retaddr);
    case SNP_GP:
        raise_exception_err_ra(env, EXCP0D_GPF, 0, retaddr);
    case SNP_NOT_VALIDATED:
        cpu_restore_state(cpu->cs, retaddr);
        guest_fault(cpu, gpa, &answer->fault, ACCESS_INSTRUCTION, true);
        env->cr[2] = env->regs[R_EAX];
        raise_exception_err_ra(env, VC_VECTOR, answer->fault.platform, 0);
    case SNP_STOPPED:
        guest_stop(cpu, gpa, &answer->fault, ACCESS_INSTRUCTION, true,
                   retaddr);
    default:
        env->regs[R_EAX] = answer->eax;
    }
}

static struct snp_caller caller_of(EmulatedCpu *cpu)
{
    CPUX86State *env = cpu_env(cpu->cs);

    return (struct snp_caller) {
        .vcpu = cpu->index,
        .cpl = env->hflags & HF_CPL_MASK,
    };
}

static void pvalidate(EmulatedCpu *cpu, uintptr_t retaddr)
{
    CPUX86State *env = cpu_env(cpu->cs);
    struct snp_caller caller = caller_of(cpu);
    /* Only bit 0 of EDX counts: Linux passes a bool, whose upper bits the
     * compiler leaves undefined. */
    uint32_t size = env->regs[R_ECX], validate = env->regs[R_EDX] & 1;
    struct snp_answer answer = { };
    enum snp_outcome outcome;
    hwaddr gpa = 0;
    bool c_bit;

    outcome = snp_pvalidate_operands(snp_enter(cpu, 0), &caller,
                                     env->regs[R_EAX], size, validate,
                                     &answer);
    snp_leave(cpu);
    if (outcome == SNP_WALK) {
        gpa = x86_translate_operand(env, env->regs[R_EAX], retaddr, &c_bit)
              & TARGET_PAGE_MASK;
        outcome = snp_pvalidate(snp_enter(cpu, 0), &caller, gpa, size,
                                validate, &answer);
        snp_leave(cpu);
    }
    finish(cpu, outcome, &answer, gpa, retaddr);
    set_carry(env, answer.carry);
}

static void rmpadjust(EmulatedCpu *cpu, uintptr_t retaddr)
{
    CPUX86State *env = cpu_env(cpu->cs);
    struct snp_caller caller = caller_of(cpu);
    uint64_t rcx = env->regs[R_ECX], rdx = env->regs[R_EDX];
    struct snp_answer answer = { };
    enum snp_outcome outcome;
    hwaddr gpa = 0;
    bool c_bit;

    outcome = snp_rmpadjust_operands(snp_enter(cpu, 0), &caller,
                                     env->regs[R_EAX], rcx, rdx, &answer);
    snp_leave(cpu);
    if (outcome == SNP_WALK) {
        gpa = x86_translate_operand(env, env->regs[R_EAX], retaddr, &c_bit)
              & TARGET_PAGE_MASK;
        outcome = snp_rmpadjust(snp_enter(cpu, 0), &caller, gpa, rcx, rdx,
                                &answer);
        snp_leave(cpu);
    }
    finish(cpu, outcome, &answer, gpa, retaddr);
}

static void snp_insn(EmulatedCpu *cpu, enum ConfidentialInsn insn,
                     uint32_t insn_len, uintptr_t retaddr)
{
    switch (insn) {
    case INSN_PVALIDATE:
        pvalidate(cpu, retaddr);
        break;
    case INSN_RMPADJUST:
        rmpadjust(cpu, retaddr);
        break;
    case INSN_VMGEXIT:
        snp_vmgexit(cpu, insn_len, retaddr);
        break;
    default:
        raise_exception_ra(cpu_env(cpu->cs), EXCP06_ILLOP, retaddr);
    }
}

/* ---- attacks ------------------------------------------------------------------ */

static bool snp_attack(EmulatedGuest *guest, enum attack attack,
                       uint64_t number)
{
    struct snp_vm *vm = SNP_EMULATED(guest)->vm;

    switch (attack) {
    case ATTACK_REMAP:
        return !snp_attack_remap(vm, number);
    case ATTACK_REMAP_BACK:
        return !snp_attack_remap_back(vm, number);
    case ATTACK_REASSIGN:
        return !snp_attack_reassign(vm, number);
    case ATTACK_UNASSIGN:
        return !snp_attack_unassign(vm, number);
    case ATTACK_PSC_ERROR:
        return !snp_attack_psc_error(vm, number);
    case ATTACK_PSC_REWIND:
        return !snp_attack_psc_rewind(vm, number);
    default:
        g_assert_not_reached();     /* attacks_read() refuses it */
    }
}

static bool snp_plug(EmulatedGuest *guest, hwaddr gpa, hwaddr size)
{
    return !snp_vm_plug(SNP_EMULATED(guest)->vm, gpa, size);
}

static bool snp_unplug(EmulatedGuest *guest, hwaddr gpa, hwaddr size,
                       bool keep)
{
    return !snp_vm_unplug(SNP_EMULATED(guest)->vm, gpa, size, keep);
}

static void snp_drop_others(EmulatedGuest *guest, hwaddr gpa)
{
    snp_vm_drop_others(SNP_EMULATED(guest)->vm, gpa);
}

static uint32_t snp_attack_left_of(EmulatedGuest *guest, enum attack attack)
{
    return snp_attack_left(SNP_EMULATED(guest)->vm, attack);
}

/* ---- for reports -------------------------------------------------------------- */

static int snp_describe(EmulatedGuest *guest, hwaddr gpa, char *text,
                        size_t size)
{
    return snp_vm_describe(SNP_EMULATED(guest)->vm, gpa, text, size);
}

static bool snp_next_run(EmulatedGuest *guest, uint64_t *cursor,
                         struct page_run *run)
{
    return snp_vm_next_run(SNP_EMULATED(guest)->vm, cursor, run);
}

static uint64_t snp_accepted_bytes(EmulatedGuest *guest)
{
    return snp_vm_accepted_bytes(SNP_EMULATED(guest)->vm);
}

/* ---- the object --------------------------------------------------------------- */

static bool get_debug_swap(Object *obj, Error **errp)
{
    return SNP_EMULATED(obj)->debug_swap;
}

static void set_debug_swap(Object *obj, bool value, Error **errp)
{
    SNP_EMULATED(obj)->debug_swap = value;
}

static void snp_class_init(ObjectClass *oc, void *data)
{
    EmulatedGuestClass *gc = EMULATED_GUEST_CLASS(oc);

    gc->platform = "snp";
    gc->table_bit = 1ULL << SNP_C_BIT;
    gc->private_bit_value = true;
    gc->start = snp_start;
    gc->reset_cpu = snp_reset_cpu;
    gc->check = snp_check;
    gc->dma_allowed = snp_dma_allowed;
    gc->insn = snp_insn;
    gc->reflect = snp_reflect;
    gc->cpuid = snp_cpuid_native;
    gc->rdmsr = snp_rdmsr;
    gc->wrmsr = snp_wrmsr;
    gc->attack = snp_attack;
    gc->attack_left = snp_attack_left_of;
    gc->plug = snp_plug;
    gc->unplug = snp_unplug;
    gc->drop_others = snp_drop_others;
    gc->swap_at_plug = ATTACK_REMAP;
    gc->swap_back = ATTACK_REMAP_BACK;
    gc->replace = ATTACK_REASSIGN;
    gc->describe = snp_describe;
    gc->next_run = snp_next_run;
    gc->accepted_bytes = snp_accepted_bytes;
    gc->state = snp_state;
    object_class_property_add_bool(oc, "debug-swap", get_debug_swap,
                                   set_debug_swap);
    object_class_property_set_description(oc, "debug-swap",
        "the SEV feature DebugSwap; off: the host intercepts DR7");
}

static const TypeInfo snp_type = {
    .parent = TYPE_EMULATED_GUEST,
    .name = TYPE_SNP_EMULATED,
    .instance_size = sizeof(SnpGuest),
    .class_init = snp_class_init,
};

static void register_types(void)
{
    type_register_static(&snp_type);
}

type_init(register_types);
