/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulated TDX guest: memory accesses and the secure EPT behind them. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "tcg/helper-tcg.h"
#include "tdx.h"
#include "rmw.h"
#include "stop.h"
#include "attacks.h"

#define EXIT_REASON_EPT_VIOLATION 48        /* SDM Vol 3D appendix C */

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

static void *on_guest_memory(void *opaque, uint64_t gpa, uint64_t len)
{
    return emulated_guest_ram(EMULATED_GUEST(opaque), gpa, len);
}

static int on_interrupt_pending(void *opaque, unsigned int vcpu)
{
    CPUState *cs = EMULATED_GUEST(opaque)->cpu[vcpu].cs;
    CPUX86State *env = cs->env_ptr;

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
    }
    g_assert_not_reached();
}

static void tdx_start(EmulatedGuest *guest, Error **errp)
{
    TdxGuest *tdx = TDX_EMULATED(guest);
    const Handoff *handoff = &guest->handoff;
    struct tdx_config config = {
        .top = handoff->memory_top,
        .attributes = tdx->pending_ve ? 0 : TDX_ATTR_SEPT_VE_DISABLE,
        .config_flags = tdx->flexible_pending_ve
                        ? TDX_CONFIG_FLEXIBLE_PENDING_VE : 0,
        .gpaw = TDX_GPAW,
        .vcpus = guest->cpus,
        .backing_4k = guest->backing_4k,
        .assign_advance = guest->assign_in_advance,
    };
    struct model_ops ops = {
        .opaque = tdx,
        .event = on_event,
        .lost_access = on_lost_access,
        .scrub = on_scrub,
        .guest_memory = on_guest_memory,
        .interrupt_pending = on_interrupt_pending,
    };
    unsigned i;

    tdx->vm = tdx_vm_init(emulated_guest_state_memory(tdx_vm_bytes(&config)),
                          &config, &ops);
    if (!tdx->vm) {
        error_setg(errp, "tdx-emulated: the boot handoff's memory cannot be used");
        return;
    }
    for (i = 0; i < handoff->count; i++) {
        const HandoffRange *range = &handoff->ranges[i];

        if (add_range(tdx->vm, range)) {
            error_setg(errp, "tdx-emulated: boot handoff range 0x%" PRIx64 " + 0x%"
                       PRIx64 " is not RAM, or overlaps", range->start,
                       range->size);
            return;
        }
    }
    tdx_vm_start(tdx->vm);
    tdx->flush = false;
}

/* ---- accesses ----------------------------------------------------------------- */

G_NORETURN void tdx_raise(EmulatedCpu *cpu, const struct ve_info *info,
                          uintptr_t retaddr)
{
    CPUX86State *env = cpu->cs->env_ptr;
    enum tdx_raise raise;

    raise = tdx_raise_ve(tdx_enter(cpu, retaddr), cpu->index, info);
    tdx_leave(cpu);
    if (raise == TDX_RAISE_DOUBLE_FAULT) {
        raise_exception_err_ra(env, EXCP08_DBLE, 0, retaddr);
    }
    raise_exception_ra(env, VE_VECTOR, retaddr);
}

/* EPT violation, exit qualification (SDM Vol 3C table 28-7) */
static uint64_t qualification_of(enum access_kind kind)
{
    /* The linear address is valid, and the access was no page walk. */
    const uint64_t common = 1u << 7 | 1u << 8;

    switch (kind) {
    case ACCESS_WRITE:
        return common | 1u << 1;
    case ACCESS_FETCH:
        return common | 1u << 2;
    default:
        return common | 1u << 0;
    }
}

static G_NORETURN void raise_mmio(EmulatedCpu *cpu, const GuestAccess *access)
{
    struct ve_info info = {
        .reason = EXIT_REASON_EPT_VIOLATION,
        .qualification = qualification_of(access->kind),
        .gla = access->gva,
        .gpa = access->gpa | 1ULL << TDX_SHARED_BIT,
    };

    tdx_raise(cpu, &info, access->retaddr);
}

static G_NORETURN void refuse(EmulatedCpu *cpu, const GuestAccess *access,
                              enum access_verdict verdict, bool private,
                              const struct access_fault *fault)
{
    CPUX86State *env = cpu->cs->env_ptr;

    switch (verdict) {
    case VERDICT_MMIO:
        raise_mmio(cpu, access);
    case VERDICT_GUEST_FAULT:
        cpu_restore_state(cpu->cs, access->retaddr);
        guest_fault(cpu, access->gpa, fault, access->kind, private);
        tdx_raise(cpu, &fault->ve, 0);
    case VERDICT_RESERVED:
        env->cr[2] = access->gva;
        raise_exception_err_ra(env, EXCP0E_PAGE,
                               PG_ERROR_RSVD_MASK | PG_ERROR_P_MASK,
                               access->retaddr);
    default:
        guest_stop(cpu, access->gpa, fault, access->kind, private,
                   access->retaddr);
    }
}

/* A TD executes private memory only (Intel TDX CPU architecture
 * specification; the kind of fault is not confirmed). */
static G_NORETURN void refuse_shared_fetch(EmulatedCpu *cpu,
                                           const GuestAccess *access)
{
    CPUX86State *env = cpu->cs->env_ptr;

    env->cr[2] = access->gva;
    raise_exception_err_ra(env, EXCP0E_PAGE, PG_ERROR_RSVD_MASK |
                           PG_ERROR_P_MASK | PG_ERROR_I_D_MASK,
                           access->retaddr);
}

static FillVerdict tdx_check(EmulatedCpu *cpu, const GuestAccess *access)
{
    bool private = !access->paging || !access->table_bit;
    struct access model_access = {
        .gpa = access->gpa,
        .gla = access->gva,
        .kind = access->kind,
        .private = private,
    };
    struct access_fault fault = { };
    enum access_verdict verdict;

    if (!private && access->kind == ACCESS_FETCH && !access->probe) {
        refuse_shared_fetch(cpu, access);
    }
    verdict = tdx_access(tdx_enter(cpu, access->retaddr), cpu->index,
                         &model_access, &fault);
    tdx_leave(cpu);
    if (verdict == VERDICT_ALLOWED) {
        return FILL_ALLOWED;
    }
    if (access->probe) {
        return FILL_REFUSED;
    }
    if (guest_access_modifies(cpu, access)) {
        GuestAccess write = *access;

        write.kind = ACCESS_WRITE;
        return tdx_check(cpu, &write);
    }
    refuse(cpu, access, verdict, private, &fault);
}

static bool tdx_dma_allowed(EmulatedGuest *guest, hwaddr gpa)
{
    return tdx_host_may_touch(TDX_EMULATED(guest)->vm, gpa, 1);
}

static bool tdx_attack(EmulatedGuest *guest, enum attack attack,
                       uint64_t number)
{
    struct tdx_vm *vm = TDX_EMULATED(guest)->vm;

    switch (attack) {
    case ATTACK_REMOVE_AUG:
        return !tdx_attack_remove_aug(vm, number);
    case ATTACK_REMOVE:
        return !tdx_attack_remove(vm, number);
    case ATTACK_BLOCK:
        return !tdx_attack_block(vm, number);
    case ATTACK_BUSY:
        return !tdx_attack_busy(vm, number);
    case ATTACK_RETRY:
        return !tdx_attack_retry(vm, number);
    case ATTACK_KEEP:
        return !tdx_attack_keep(vm, number);
    default:
        g_assert_not_reached();     /* attacks_read() refuses it */
    }
}

static uint32_t tdx_attack_left_of(EmulatedGuest *guest, enum attack attack)
{
    return tdx_attack_left(TDX_EMULATED(guest)->vm, attack);
}

/* ---- for reports ---------------------------------------------------------------- */

static int tdx_describe(EmulatedGuest *guest, hwaddr gpa, char *text,
                        size_t size)
{
    return tdx_vm_describe(TDX_EMULATED(guest)->vm, gpa, text, size);
}

static bool tdx_next_run(EmulatedGuest *guest, uint64_t *cursor,
                         struct page_run *run)
{
    return tdx_vm_next_run(TDX_EMULATED(guest)->vm, cursor, run);
}

static uint64_t tdx_accepted_bytes(EmulatedGuest *guest)
{
    return tdx_vm_accepted_bytes(TDX_EMULATED(guest)->vm);
}

/* ---- the object ----------------------------------------------------------------- */

static bool get_pending_ve(Object *obj, Error **errp)
{
    return TDX_EMULATED(obj)->pending_ve;
}

static void set_pending_ve(Object *obj, bool value, Error **errp)
{
    TDX_EMULATED(obj)->pending_ve = value;
}

static bool get_flexible_pending_ve(Object *obj, Error **errp)
{
    return TDX_EMULATED(obj)->flexible_pending_ve;
}

static void set_flexible_pending_ve(Object *obj, bool value, Error **errp)
{
    TDX_EMULATED(obj)->flexible_pending_ve = value;
}

static void tdx_class_init(ObjectClass *oc, void *data)
{
    EmulatedGuestClass *gc = EMULATED_GUEST_CLASS(oc);

    gc->platform = "tdx";
    gc->table_bit = 1ULL << TDX_SHARED_BIT;
    gc->private_bit_value = false;
    gc->start = tdx_start;
    gc->check = tdx_check;
    gc->dma_allowed = tdx_dma_allowed;
    gc->insn = tdx_insn;
    gc->reflect = tdx_reflect;
    gc->cpuid = tdx_cpuid;
    gc->rdmsr = tdx_rdmsr;
    gc->wrmsr = tdx_wrmsr;
    gc->attack = tdx_attack;
    gc->attack_left = tdx_attack_left_of;
    gc->describe = tdx_describe;
    gc->next_run = tdx_next_run;
    gc->accepted_bytes = tdx_accepted_bytes;
    object_class_property_add_bool(oc, "pending-ve", get_pending_ve,
                                   set_pending_ve);
    object_class_property_set_description(oc, "pending-ve",
        "a touch of a pending page raises #VE (ATTRIBUTES.SEPT_VE_DISABLE is"
        " clear); off: it ends in a TD exit");
    object_class_property_add_bool(oc, "flexible-pending-ve",
                                   get_flexible_pending_ve,
                                   set_flexible_pending_ve);
    object_class_property_set_description(oc, "flexible-pending-ve",
        "the guest may choose that itself (CONFIG_FLAGS.FLEXIBLE_PENDING_VE)");
}

static const TypeInfo tdx_type = {
    .parent = TYPE_EMULATED_GUEST,
    .name = TYPE_TDX_EMULATED,
    .instance_size = sizeof(TdxGuest),
    .class_init = tdx_class_init,
};

static void register_types(void)
{
    type_register_static(&tdx_type);
}

type_init(register_types);
