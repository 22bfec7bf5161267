/* SPDX-License-Identifier: GPL-2.0-only */
/* TDCALL, and the TDVMCALLs that a host answers outside of memory. */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "tcg/helper-tcg.h"
#include "tdx.h"
#include "host.h"
#include "stop.h"

#define MMIO_MAX 8

static void get_registers(const CPUX86State *env, struct tdx_regs *regs)
{
    unsigned i;

    /* Both count as the instruction encoding does. */
    QEMU_BUILD_BUG_ON(TDX_REGS > CPU_NB_REGS);
    for (i = 0; i < TDX_REGS; i++) {
        regs->r[i] = env->regs[i];
    }
}

static void set_registers(CPUX86State *env, const struct tdx_regs *regs)
{
    unsigned i;

    for (i = 0; i < TDX_REGS; i++) {
        env->regs[i] = regs->r[i];
    }
}

/* As the vCPU's CPUID has it. The host presents itself as KVM with no feature
 * of its own: the sign by which Linux knows that x2APIC mode works without
 * interrupt remapping. */
static void vmcall_cpuid(EmulatedCpu *cpu, uint32_t leaf, uint32_t subleaf,
                         uint32_t value[4])
{
    if (leaf >> 28 != 4) {
        host_answer_cpuid(cpu, leaf, subleaf, value);
        return;
    }
    memset(value, 0, 4 * sizeof(value[0]));
    if (leaf == 0x40000000) {
        value[HOST_EAX] = 0x40000001;
        value[HOST_EBX] = 0x4b4d564b;   /* KVMKVMKVM */
        value[HOST_ECX] = 0x564b4d56;
        value[HOST_EDX] = 0x0000004d;
    }
}

static void do_cpuid(EmulatedCpu *cpu, struct tdx_regs *regs,
                     const struct tdx_vmcall *vmcall)
{
    struct tdx_regs results = *regs;
    uint32_t value[4];

    vmcall_cpuid(cpu, vmcall->index, vmcall->subleaf, value);
    results.r[TDX_R10] = TDVMCALL_SUCCESS;
    results.r[TDX_R12] = value[HOST_EAX];
    results.r[TDX_R13] = value[HOST_EBX];
    results.r[TDX_R14] = value[HOST_ECX];
    results.r[TDX_R15] = value[HOST_EDX];
    tdx_vmcall_return(regs, vmcall, &results);
}

static bool do_io(const struct tdx_vmcall *vmcall, uint64_t *value)
{
    if (vmcall->write) {
        host_out(vmcall->index, vmcall->size, vmcall->value);
    } else {
        *value = host_in(vmcall->index, vmcall->size);
    }
    return true;
}

static bool do_msr(EmulatedCpu *cpu, const struct tdx_vmcall *vmcall,
                   uint64_t *value)
{
    return vmcall->function == TDVMCALL_WRMSR
           ? host_wrmsr(cpu, vmcall->index, vmcall->value)
           : host_rdmsr(cpu, vmcall->index, value);
}

static bool do_mmio(EmulatedCpu *cpu, const struct tdx_vmcall *vmcall,
                    uint64_t *value)
{
    uint64_t data = cpu_to_le64(vmcall->value);

    if (!vmcall->size || vmcall->size > MMIO_MAX) {
        return false;
    }
    if (vmcall->write) {
        return host_mmio_write(cpu, vmcall->gpa, &data, vmcall->size);
    }
    data = 0;
    if (!host_mmio_read(cpu, vmcall->gpa, &data, vmcall->size)) {
        return false;
    }
    *value = le64_to_cpu(data);
    return true;
}

/* A device may take the access as a request to switch the machine off. */
static bool do_device(EmulatedCpu *cpu, const struct tdx_vmcall *vmcall,
                      uint64_t *value)
{
    bool ok;

    bql_lock();
    ok = vmcall->function == TDVMCALL_IO ? do_io(vmcall, value)
                                         : do_mmio(cpu, vmcall, value);
    emulated_guest_end_if_off(cpu);
    bql_unlock();
    return ok;
}

/* The message is in eight registers (GHCI 3.4, ReportFatalError). */
static G_NORETURN void fatal_error(EmulatedCpu *cpu,
                                   const struct tdx_vmcall *vmcall,
                                   uintptr_t retaddr)
{
    static const uint8_t order[] = { TDX_R14, TDX_R15, TDX_RBX, TDX_RDI,
                                     TDX_RSI, TDX_R8, TDX_R9, TDX_RDX };
    char message[sizeof(order) * 8 + 1] = "";
    g_autofree char *why = NULL;
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(order); i++) {
        stq_le_p(message + 8 * i, vmcall->regs.r[order[i]]);
    }
    why = g_strdup_printf("the guest reported a fatal error: %s", message);
    guest_terminate(cpu, vmcall->regs.r[TDX_R12], why, retaddr);
}

static void vmcall(EmulatedCpu *cpu, struct tdx_regs *regs,
                   const struct tdx_vmcall *call, uint32_t insn_len,
                   uintptr_t retaddr)
{
    uint64_t value = 0;
    bool ok;

    if (!call->valid) {
        tdx_vmcall_status(regs, call, TDVMCALL_INVALID_OPERAND, 0);
        return;
    }
    switch (call->function) {
    case TDVMCALL_CPUID:
        do_cpuid(cpu, regs, call);
        return;
    case TDVMCALL_HLT:
        tdx_vmcall_status(regs, call, TDVMCALL_SUCCESS, 0);
        set_registers(cpu_env(cpu->cs), regs);
        host_halt(cpu, insn_len);
    case TDVMCALL_RDMSR:
    case TDVMCALL_WRMSR:
        ok = do_msr(cpu, call, &value);
        break;
    case TDVMCALL_IO:
    case TDVMCALL_MMIO:
        ok = do_device(cpu, call, &value);
        break;
    case TDVMCALL_REPORT_FATAL_ERROR:
        fatal_error(cpu, call, retaddr);
    default:
        qemu_log_mask(LOG_UNIMP, "TDVMCALL: function 0x%" PRIx64 "\n",
                      call->function);
        tdx_vmcall_status(regs, call, TDVMCALL_UNSUPPORTED, 0);
        return;
    }
    tdx_vmcall_status(regs, call, ok ? TDVMCALL_SUCCESS
                                     : TDVMCALL_INVALID_OPERAND, value);
}

static void tdcall(EmulatedCpu *cpu, uint32_t insn_len, uintptr_t retaddr)
{
    CPUX86State *env = cpu_env(cpu->cs);
    struct tdx_caller caller = {
        .vcpu = cpu->index,
        .cpl = env->hflags & HF_CPL_MASK,
        .long_mode = !!(env->hflags & HF_CS64_MASK),
    };
    struct tdx_answer answer = { };
    enum tdx_outcome outcome;
    struct tdx_regs regs;

    get_registers(env, &regs);
    outcome = tdx_tdcall(tdx_enter(cpu, 0), &caller, &regs, &answer);
    tdx_leave(cpu);
    switch (outcome) {
    case TDX_DONE:
        break;
    case TDX_VMCALL:
        vmcall(cpu, &regs, &answer.vmcall, insn_len, retaddr);
        break;
    case TDX_INTERRUPTED:       /* RIP stays: the call resumes afterwards */
        cpu_loop_exit(cpu->cs);
    case TDX_GP:
        raise_exception_err_ra(env, EXCP0D_GPF, 0, retaddr);
    case TDX_FAULT_VE:
        cpu_restore_state(cpu->cs, retaddr);
        guest_fault(cpu, answer.gpa, &answer.fault, ACCESS_INSTRUCTION,
                    !answer.shared);
        tdx_raise(cpu, &answer.fault.ve, 0);
    case TDX_STOPPED:
        guest_stop(cpu, answer.gpa, &answer.fault, ACCESS_INSTRUCTION,
                   !answer.shared, retaddr);
    }
    set_registers(env, &regs);
}

void tdx_insn(EmulatedCpu *cpu, enum ConfidentialInsn insn, uint32_t insn_len,
              uintptr_t retaddr)
{
    if (insn != INSN_TDCALL) {
        raise_exception_ra(cpu_env(cpu->cs), EXCP06_ILLOP, retaddr);
    }
    tdcall(cpu, insn_len, retaddr);
}
