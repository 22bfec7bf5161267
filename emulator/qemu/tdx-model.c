/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model of a TD's memory (model/tdx.h) in QEMU: its start, every call into
 * it, what it asks of QEMU, and #VE, whose information it keeps.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "tcg/helper-tcg.h"
#include "attacks.h"
#include "memory-slots.h"
#include "tdx.h"

struct tdx_vm *tdx_enter(EmulatedCpu *cpu, uintptr_t retaddr)
{
    TdxGuest *tdx = TDX_EMULATED(cpu->guest);

    qemu_mutex_lock(&cpu->guest->lock);
    tdx->acting = cpu;
    tdx->acting_retaddr = retaddr;
    return tdx->vm;
}

void tdx_leave(EmulatedCpu *cpu)
{
    TdxGuest *tdx = TDX_EMULATED(cpu->guest);
    bool flush;

    attacks_commit(cpu->guest);
    memory_slots_commit(cpu->guest);
    flush = tdx->flush;
    tdx->flush = false;
    tdx->acting = NULL;
    qemu_mutex_unlock(&cpu->guest->lock);
    if (flush) {
        emulated_guest_flush(cpu->guest);
    }
}

/* ---- what the model asks -------------------------------------------------- */

static void on_event(void *opaque, const struct acc_event *event)
{
    TdxGuest *tdx = opaque;

    guest_event(EMULATED_GUEST(tdx), tdx->acting, *event,
                tdx->acting_retaddr);
}

static void on_lost_access(void *opaque, uint64_t gpa, uint64_t size)
{
    ((TdxGuest *)opaque)->flush = true;
}

static void on_scrub(void *opaque, uint64_t gpa, uint64_t size)
{
    void *memory = emulated_guest_ram(EMULATED_GUEST(opaque), gpa, size);

    if (memory) {
        memset(memory, 0, size);
    }
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

static int on_interrupt_pending(void *opaque, unsigned int vcpu)
{
    CPUState *cs = EMULATED_GUEST(opaque)->cpu[vcpu].cs;
    CPUX86State *env = cpu_env(cs);

    return (cs->interrupt_request & CPU_INTERRUPT_HARD) &&
           (env->eflags & IF_MASK) && !(env->hflags & HF_INHIBIT_IRQ_MASK);
}

/* ---- start ------------------------------------------------------------------ */

static int add_range(struct tdx_vm *vm, const HandoffRange *range)
{
    switch (range->kind) {
    case RANGE_RAM:
        return tdx_vm_add_ram(vm, range->start, range->size);
    case RANGE_ACCEPTED:
        return tdx_vm_launch(vm, range->start, range->size);
    case RANGE_SHARED:
        return tdx_vm_share(vm, range->start, range->size);
    case RANGE_SLOT:            /* RAM once it is plugged: hotplug.c */
        return 0;
    }
    g_assert_not_reached();
}

/* As a host configures a TD; KVM requires that RBP stays the guest's. */
static uint64_t config_flags(const TdxGuest *tdx)
{
    return TDX_CONFIG_NO_RBP_MOD |
           (tdx->flexible_pending_ve ? TDX_CONFIG_FLEXIBLE_PENDING_VE : 0) |
           (tdx->module == TDX_MODULE_2_0 ? TDX_CONFIG_PAGE_RELEASE : 0);
}

void tdx_start(EmulatedGuest *guest, Error **errp)
{
    TdxGuest *tdx = TDX_EMULATED(guest);
    const Handoff *handoff = &guest->handoff;
    struct tdx_config config = {
        .top = handoff->memory_top,
        .attributes = tdx->pending_ve ? 0 : TDX_ATTR_SEPT_VE_DISABLE,
        .config_flags = config_flags(tdx),
        .gpaw = TDX_GPAW,
        .vcpus = guest->cpus,
        .module = tdx->module,
        .topology_configured = 1,   /* as KVM does by TDH.VP.INIT */
        .shared_access = tdx->shared_access,
        .backing_4k = guest->backing_4k,
        .assign_advance = guest->assign_in_advance,
        .in_place = guest->convert_in_place,
        .implicit = guest->convert_implicitly,
    };
    struct model_ops ops = {
        .opaque = tdx,
        .event = on_event,
        .lost_access = on_lost_access,
        .scrub = on_scrub,
        .content_lost = on_content_lost,
        .guest_memory = on_guest_memory,
        .interrupt_pending = on_interrupt_pending,
    };
    unsigned i;

    tdx->vm = tdx_vm_init(emulated_guest_state_memory(tdx_vm_bytes(&config)),
                          &config, &ops);
    if (!tdx->vm) {
        error_setg(errp, "tdx-emulated: the handoff's memory cannot be used");
        return;
    }
    for (i = 0; i < handoff->count; i++) {
        const HandoffRange *range = &handoff->ranges[i];

        if (add_range(tdx->vm, range)) {
            error_setg(errp, "tdx-emulated: handoff range 0x%" PRIx64 " + 0x%"
                       PRIx64 " is not RAM, or overlaps", range->start,
                       range->size);
            return;
        }
    }
    tdx_vm_start(tdx->vm);
    tdx->flush = false;
}

void tdx_state(EmulatedGuest *guest, StateStream *stream)
{
    TdxGuest *tdx = TDX_EMULATED(guest);
    struct model_stream of_model = state_for_model(stream);

    if (tdx_vm_transfer(tdx->vm, &of_model)) {
        state_refuse(stream, "its page states are of another guest, or"
                     " damaged");
    }
    tdx->flush = false;
}

/* ---- #VE ---------------------------------------------------------------------- */

G_NORETURN void tdx_raise(EmulatedCpu *cpu, const struct ve_info *info,
                          uintptr_t retaddr)
{
    CPUX86State *env = cpu_env(cpu->cs);
    enum tdx_raise raise;

    raise = tdx_raise_ve(tdx_enter(cpu, retaddr), cpu->index, info);
    tdx_leave(cpu);
    if (raise == TDX_RAISE_DOUBLE_FAULT) {
        raise_exception_err_ra(env, EXCP08_DBLE, 0, retaddr);
    }
    raise_exception_ra(env, VE_VECTOR, retaddr);
}
