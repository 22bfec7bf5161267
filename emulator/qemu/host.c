/* SPDX-License-Identifier: GPL-2.0-only */
/* What a host does for its guest outside of memory (see host.h). */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "cpu.h"
#include "compat.h"
#include "exec/address-spaces.h"
#include "exec/exec-all.h"
#include "exec/helper-proto.h"
#include "hw/i386/apic.h"
#include "host.h"

/* x2APIC registers: MSR 800H + offset / 16 (SDM Vol 3A 11.12.1.2) */
#define X2APIC_ID 0x02u
#define X2APIC_LDR 0x0du
#define X2APIC_ICR 0x30u
#define X2APIC_SELF_IPI 0x3fu
#define XAPIC_ICR_LOW 0x300u
#define XAPIC_ICR_HIGH 0x310u

void host_answer_cpuid(EmulatedCpu *cpu, uint32_t leaf, uint32_t subleaf,
                uint32_t regs[4])
{
    cpu_x86_cpuid(cpu_env(cpu->cs), leaf, subleaf, &regs[HOST_EAX],
                  &regs[HOST_EBX], &regs[HOST_ECX], &regs[HOST_EDX]);
}

/* The current vCPU's local APIC answers at its page of the system's memory. */
static uint32_t apic_read(uint32_t offset)
{
    return address_space_ldl_le(&address_space_memory,
                                APIC_DEFAULT_ADDRESS + offset,
                                MEMTXATTRS_UNSPECIFIED, NULL);
}

static void apic_write(uint32_t offset, uint32_t value)
{
    address_space_stl_le(&address_space_memory, APIC_DEFAULT_ADDRESS + offset,
                         value, MEMTXATTRS_UNSPECIFIED, NULL);
}

/* Registers that exist in x2APIC mode and can be read, and those that can be
 * written (SDM Vol 3A table 11-6); everything else ends in #GP. */
static bool x2apic_is_readable(uint32_t reg)
{
    switch (reg) {
    case 0x02 ... 0x03:     /* ID, version */
    case 0x08:              /* TPR */
    case 0x0a:              /* PPR */
    case 0x0d:              /* LDR */
    case 0x0f ... 0x28:     /* SVR, ISR, TMR, IRR, ESR */
    case 0x2f ... 0x30:     /* LVT CMCI, ICR */
    case 0x32 ... 0x39:     /* LVTs, initial and current count */
    case 0x3e:              /* divide configuration */
        return true;
    default:
        return false;
    }
}

static bool x2apic_is_writable(uint32_t reg)
{
    switch (reg) {
    case 0x08:              /* TPR */
    case 0x0b:              /* EOI */
    case 0x0f:              /* SVR */
    case 0x28:              /* ESR */
    case 0x2f ... 0x30:     /* LVT CMCI, ICR */
    case 0x32 ... 0x38:     /* LVTs, initial count */
    case 0x3e ... 0x3f:     /* divide configuration, self IPI */
        return true;
    default:
        return false;
    }
}

static bool x2apic_read(uint32_t reg, uint64_t *value)
{
    uint32_t id = apic_read(X2APIC_ID << 4) >> 24;

    if (!x2apic_is_readable(reg)) {
        return false;
    }
    switch (reg) {
    case X2APIC_ID:
        *value = id;
        break;
    case X2APIC_LDR:    /* SDM 11.12.10.2: cluster and bit from the id */
        *value = (id >> 4) << 16 | 1u << (id & 15);
        break;
    case X2APIC_ICR:
        *value = apic_read(XAPIC_ICR_LOW) |
                 (uint64_t)(apic_read(XAPIC_ICR_HIGH) >> 24) << 32;
        break;
    default:
        *value = apic_read(reg << 4);
    }
    return true;
}

static bool x2apic_write(uint32_t reg, uint64_t value)
{
    if (!x2apic_is_writable(reg)) {
        return false;
    }
    switch (reg) {
    case X2APIC_ICR:
        apic_write(XAPIC_ICR_HIGH, (uint32_t)(value >> 32) << 24);
        apic_write(XAPIC_ICR_LOW, value);
        break;
    case X2APIC_SELF_IPI:       /* fixed, edge, destination: self */
        apic_write(XAPIC_ICR_LOW, 1u << 18 | 1u << 14 | (value & 0xff));
        break;
    default:
        apic_write(reg << 4, value);
    }
    return true;
}

/* QEMU's MSR helpers work on ECX and EDX:EAX; they see the host's operands
 * and the guest keeps its own. */
typedef struct MsrOperands {
    uint64_t eax, ecx, edx;
} MsrOperands;

static MsrOperands swap_in(CPUX86State *env, uint32_t msr, uint64_t value)
{
    MsrOperands saved = { env->regs[R_EAX], env->regs[R_ECX],
                          env->regs[R_EDX] };

    env->regs[R_ECX] = msr;
    env->regs[R_EAX] = (uint32_t)value;
    env->regs[R_EDX] = value >> 32;
    env->confidential->host_acts = true;
    env->confidential->host_msr_failed = false;
    return saved;
}

static void swap_out(CPUX86State *env, MsrOperands saved)
{
    env->confidential->host_acts = false;
    env->regs[R_EAX] = saved.eax;
    env->regs[R_ECX] = saved.ecx;
    env->regs[R_EDX] = saved.edx;
}

bool host_rdmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t *value)
{
    CPUX86State *env = cpu_env(cpu->cs);
    MsrOperands saved;

    if (msr >= X2APIC_MSR_FIRST && msr <= X2APIC_MSR_LAST) {
        return x2apic_read(msr - X2APIC_MSR_FIRST, value);
    }
    saved = swap_in(env, msr, 0);
    helper_rdmsr(env);
    *value = (uint32_t)env->regs[R_EAX] | env->regs[R_EDX] << 32;
    swap_out(env, saved);
    return !cpu->host_msr_failed;
}

bool host_wrmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t value)
{
    CPUX86State *env = cpu_env(cpu->cs);
    MsrOperands saved;

    if (msr >= X2APIC_MSR_FIRST && msr <= X2APIC_MSR_LAST) {
        return x2apic_write(msr - X2APIC_MSR_FIRST, value);
    }
    saved = swap_in(env, msr, value);
    helper_wrmsr(env);
    swap_out(env, saved);
    return !cpu->host_msr_failed;
}

uint32_t host_in(uint16_t port, unsigned size)
{
    uint32_t value = 0;

    address_space_rw(&address_space_io, port, MEMTXATTRS_UNSPECIFIED, &value,
                     size, false);
    return le32_to_cpu(value);
}

void host_out(uint16_t port, unsigned size, uint32_t value)
{
    value = cpu_to_le32(value);
    address_space_rw(&address_space_io, port, MEMTXATTRS_UNSPECIFIED, &value,
                     size, true);
}

/* By way of the DMA guard, as a device would: the host has no more right to
 * the guest's private pages than its devices have. */
static bool mmio(EmulatedCpu *cpu, hwaddr gpa, void *data, unsigned size,
                 bool write)
{
    MemTxResult result = address_space_rw(&address_space_memory, gpa,
                                          MEMTXATTRS_UNSPECIFIED, data, size,
                                          write);

    if (result == MEMTX_DECODE_ERROR &&
        !emulated_guest_ram(cpu->guest, gpa, size)) {
        if (!write) {
            memset(data, 0xff, size);
        }
        return true;
    }
    return result == MEMTX_OK;
}

bool host_mmio_read(EmulatedCpu *cpu, hwaddr gpa, void *to, unsigned size)
{
    return mmio(cpu, gpa, to, size, false);
}

bool host_mmio_write(EmulatedCpu *cpu, hwaddr gpa, const void *from,
                     unsigned size)
{
    return mmio(cpu, gpa, (void *)from, size, true);
}

G_NORETURN void host_halt(EmulatedCpu *cpu, uint32_t insn_len)
{
    CPUX86State *env = cpu_env(cpu->cs);

    env->eip += insn_len;
    env->hflags &= ~HF_INHIBIT_IRQ_MASK;
    cpu->host_halted = true;
    cpu->cs->halted = 1;
    cpu->cs->exception_index = EXCP_HLT;
    cpu_loop_exit(cpu->cs);
}
