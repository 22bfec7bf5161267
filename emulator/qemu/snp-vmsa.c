/* SPDX-License-Identifier: GPL-2.0-only */
/* Secondary vCPUs: GHCB AP creation starts them from a save area (VMSA). */
#include "qemu/osdep.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "tcg/helper-tcg.h"
#include "hw/core/cpu.h"
#include "snp.h"

/* Offsets in the save area (APM Vol 2 table B-4; Linux struct sev_es_save_area) */
enum {
    VMSA_SEGMENTS = 0x00,       /* ES CS SS DS FS GS, 16 bytes each */
    VMSA_GDTR = 0x60,
    VMSA_LDTR = 0x70,
    VMSA_IDTR = 0x80,
    VMSA_TR = 0x90,
    VMSA_EFER = 0xd0,
    VMSA_CR4 = 0x148,
    VMSA_CR3 = 0x150,
    VMSA_CR0 = 0x158,
    VMSA_RFLAGS = 0x170,
    VMSA_RIP = 0x178,
    VMSA_RSP = 0x1d8,
    VMSA_RAX = 0x1f8,
    VMSA_PAT = 0x268,
};

typedef struct Start {
    EmulatedCpu *cpu;
    const uint8_t *vmsa;
} Start;

static uint64_t field(const uint8_t *vmsa, unsigned offset)
{
    return ldq_le_p(vmsa + offset);
}

/* Selector, attributes (SVM form), limit, base */
static SegmentCache segment(const uint8_t *at)
{
    uint32_t attributes = lduw_le_p(at + 2);

    return (SegmentCache) {
        .selector = lduw_le_p(at),
        .flags = (attributes & 0xff) << 8 | (attributes & 0xf00) << 12,
        .limit = ldl_le_p(at + 4),
        .base = ldq_le_p(at + 8),
    };
}

static void load_segments(CPUX86State *env, const uint8_t *vmsa)
{
    static const int order[] = { R_ES, R_CS, R_SS, R_DS, R_FS, R_GS };
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(order); i++) {
        SegmentCache s = segment(vmsa + VMSA_SEGMENTS + 16 * i);

        cpu_x86_load_seg_cache(env, order[i], s.selector, s.base, s.limit,
                               s.flags);
    }
    env->gdt = segment(vmsa + VMSA_GDTR);
    env->ldt = segment(vmsa + VMSA_LDTR);
    env->idt = segment(vmsa + VMSA_IDTR);
    env->tr = segment(vmsa + VMSA_TR);
}

static void load(CPUState *cs, run_on_cpu_data data)
{
    Start *start = data.host_ptr;
    CPUX86State *env = cpu_env(cs);
    const uint8_t *vmsa = start->vmsa;

    cpu_load_efer(env, field(vmsa, VMSA_EFER));
    cpu_x86_update_cr4(env, field(vmsa, VMSA_CR4));
    cpu_x86_update_cr3(env, field(vmsa, VMSA_CR3));
    cpu_x86_update_cr0(env, field(vmsa, VMSA_CR0));
    load_segments(env, vmsa);
    env->pat = field(vmsa, VMSA_PAT);
    cpu_load_eflags(env, field(vmsa, VMSA_RFLAGS), -1);
    env->eip = field(vmsa, VMSA_RIP);
    env->regs[R_ESP] = field(vmsa, VMSA_RSP);
    env->regs[R_EAX] = field(vmsa, VMSA_RAX);
    cs->halted = 0;
    start->cpu->waiting = false;
    g_free(start);
}

static EmulatedCpu *cpu_by_apic_id(EmulatedGuest *guest, uint32_t apic_id)
{
    unsigned i;

    for (i = 0; i < guest->cpus; i++) {
        if (X86_CPU(guest->cpu[i].cs)->apic_id == apic_id) {
            return &guest->cpu[i];
        }
    }
    return NULL;
}

bool snp_start_cpu(EmulatedGuest *guest, uint32_t apic_id, hwaddr gpa)
{
    EmulatedCpu *cpu = cpu_by_apic_id(guest, apic_id);
    uint8_t *vmsa = emulated_guest_ram(guest, gpa, 4096);
    EmulatedCpu *caller = cpu_env(current_cpu)->confidential;
    struct acc_event event = {
        .kind = EVENT_AP_START,
        .gpa = gpa,
        .size = 4096,
        .carry = EVENT_NO_CARRY,
    };
    Start *start;
    bool started;

    if (!cpu || !vmsa) {
        return false;
    }
    started = !snp_vm_start_vcpu(snp_enter(caller, 0), cpu->index, gpa);
    if (started) {
        event.detail = cpu->index;
        guest_event(guest, caller, event, 0);
    }
    snp_leave(caller);
    if (!started) {
        return false;
    }
    start = g_new(Start, 1);
    *start = (Start) { cpu, vmsa };
    async_run_on_cpu(cpu->cs, load, RUN_ON_CPU_HOST_PTR(start));
    return true;
}

static void park(CPUState *cs, run_on_cpu_data data)
{
    CPUX86State *env = cpu_env(cs);
    EmulatedCpu *cpu = data.host_ptr;

    cpu->waiting = true;
    cpu->host_halted = false;
    cpu_load_eflags(env, 0, -1);    /* no interrupt wakes it */
    cs->halted = 1;
}

bool snp_stop_cpu(EmulatedGuest *guest, uint32_t apic_id)
{
    EmulatedCpu *cpu = cpu_by_apic_id(guest, apic_id);

    if (!cpu || cpu->cs == current_cpu) {
        return false;
    }
    snp_vm_destroy_vcpu(snp_enter(cpu_env(current_cpu)->confidential, 0),
                        cpu->index);
    snp_leave(cpu_env(current_cpu)->confidential);
    async_run_on_cpu(cpu->cs, park, RUN_ON_CPU_HOST_PTR(cpu));
    return true;
}
