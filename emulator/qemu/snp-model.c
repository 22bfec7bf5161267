/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model of an SNP guest's memory (model/snp.h) in QEMU: its start, every
 * call into it, and what it asks of QEMU.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "cpu.h"
#include "compat.h"
#include "attacks.h"
#include "memory-slots.h"
#include "snp.h"

#define GUEST_ASID 1

SnpVcpu *snp_vcpu(EmulatedCpu *cpu)
{
    return &SNP_EMULATED(cpu->guest)->vcpu[cpu->index];
}

struct snp_vm *snp_enter(EmulatedCpu *cpu, uintptr_t retaddr)
{
    SnpGuest *snp = SNP_EMULATED(cpu->guest);

    qemu_mutex_lock(&cpu->guest->lock);
    snp->acting = cpu;
    snp->acting_retaddr = retaddr;
    return snp->vm;
}

void snp_leave(EmulatedCpu *cpu)
{
    SnpGuest *snp = SNP_EMULATED(cpu->guest);
    bool flush;

    attacks_commit(cpu->guest);
    memory_slots_commit(cpu->guest);
    flush = snp->flush;
    snp->flush = false;
    snp->acting = NULL;
    qemu_mutex_unlock(&cpu->guest->lock);
    if (flush) {
        emulated_guest_flush(cpu->guest);
    }
}

/* ---- what the model asks ------------------------------------------------ */

static void on_event(void *opaque, const struct acc_event *event)
{
    SnpGuest *snp = opaque;

    guest_event(EMULATED_GUEST(snp), snp->acting, *event,
                snp->acting_retaddr);
}

static void on_lost_access(void *opaque, uint64_t gpa, uint64_t size)
{
    SnpGuest *snp = opaque;

    snp->flush = true;
}

static void on_content_lost(void *opaque, uint64_t gpa, uint64_t size,
                            int shared)
{
    emulated_guest_lose_content(EMULATED_GUEST(opaque), gpa, size, shared);
}

static void *on_guest_memory(void *opaque, uint64_t gpa, uint64_t len)
{
    return emulated_guest_ram(EMULATED_GUEST(opaque), gpa, len);
}

static void on_cpuid(void *opaque, unsigned int vcpu, uint32_t leaf,
                     uint32_t subleaf, uint32_t regs[4])
{
    snp_cpuid(&EMULATED_GUEST(opaque)->cpu[vcpu], leaf, subleaf, regs);
}

static int on_halted(void *opaque, unsigned int vcpu)
{
    return qatomic_read(&EMULATED_GUEST(opaque)->cpu[vcpu].cs->halted);
}

/* ---- start ---------------------------------------------------------------- */

static void fill_launch_pages(EmulatedGuest *guest)
{
    const Handoff *handoff = &guest->handoff;
    void *cpuid = emulated_guest_ram(guest, handoff->cpuid_page, 4096);
    void *secrets = emulated_guest_ram(guest, handoff->secrets_page, 4096);

    if (handoff->cpuid_page && cpuid) {
        snp_fill_cpuid_page(&guest->cpu[0], cpuid);
    }
    if (handoff->secrets_page && secrets) {
        snp_fill_secrets_page(secrets);
    }
}

static int add_range(struct snp_vm *vm, const HandoffRange *range)
{
    switch (range->kind) {
    case RANGE_RAM:
        return snp_vm_add_ram(vm, range->start, range->size);
    case RANGE_ACCEPTED:
        return snp_vm_launch(vm, range->start, range->size);
    case RANGE_SHARED:
        return snp_vm_share(vm, range->start, range->size);
    case RANGE_SLOT:            /* RAM once it is plugged: hotplug.c */
        return 0;
    }
    g_assert_not_reached();
}

void snp_start(EmulatedGuest *guest, Error **errp)
{
    SnpGuest *snp = SNP_EMULATED(guest);
    const Handoff *handoff = &guest->handoff;
    struct snp_config config = {
        .top = handoff->memory_top,
        .asid = GUEST_ASID,
        .vcpus = guest->cpus,
        .backing_4k = guest->backing_4k,
        .assign_advance = guest->assign_in_advance,
        .in_place = guest->convert_in_place,
        .implicit = guest->convert_implicitly,
        .c_bit = SNP_C_BIT,
    };
    struct model_ops ops = {
        .opaque = snp,
        .event = on_event,
        .lost_access = on_lost_access,
        .content_lost = on_content_lost,
        .guest_memory = on_guest_memory,
        .cpuid = on_cpuid,
        .halted = on_halted,
    };
    unsigned i;

    snp->vcpu = g_new0(SnpVcpu, guest->cpus);
    snp->vm = snp_vm_init(emulated_guest_state_memory(snp_vm_bytes(&config)),
                          &config, &ops);
    if (!snp->vm) {
        error_setg(errp, "snp-emulated: the handoff's memory cannot be used");
        return;
    }
    for (i = 0; i < handoff->count; i++) {
        const HandoffRange *range = &handoff->ranges[i];

        if (add_range(snp->vm, range)) {
            error_setg(errp, "snp-emulated: handoff range 0x%" PRIx64 " + 0x%"
                       PRIx64 " is not RAM, or overlaps", range->start,
                       range->size);
            return;
        }
    }
    snp_vm_start(snp->vm);
    snp->flush = false;
    /* A guest that is loaded has its memory already. */
    if (!runstate_check(RUN_STATE_INMIGRATE)) {
        fill_launch_pages(guest);
    }
}

void snp_state(EmulatedGuest *guest, StateStream *stream)
{
    SnpGuest *snp = SNP_EMULATED(guest);
    struct model_stream of_model = state_for_model(stream);
    unsigned i;

    for (i = 0; i < guest->cpus; i++) {
        STATE_FIELD(stream, snp->vcpu[i].ghcb_msr);
    }
    if (snp_vm_transfer(snp->vm, &of_model)) {
        state_refuse(stream, "its page states are of another guest, or"
                     " damaged");
    }
    snp->flush = false;
}
