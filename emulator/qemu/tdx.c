/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulated TDX guest: memory accesses, the object. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "tcg/helper-tcg.h"
#include "tdx.h"
#include "rmw.h"
#include "stop.h"
#include "straddle.h"

#define EXIT_REASON_EPT_VIOLATION 48        /* SDM Vol 3D appendix C */

/* ---- accesses ----------------------------------------------------------------- */

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
    CPUX86State *env = cpu_env(cpu->cs);

    switch (verdict) {
    case VERDICT_MMIO:
        raise_mmio(cpu, access);
    case VERDICT_GUEST_FAULT:
        cpu->bytes_before = guest_access_bytes_before(cpu, access);
        cpu_restore_state(cpu->cs, access->retaddr);
        guest_fault(cpu, access->gpa, fault, access->kind, private);
        tdx_raise(cpu, &fault->ve, 0);
    case VERDICT_RESERVED:
        env->cr[2] = access->gva;
        raise_exception_err_ra(env, EXCP0E_PAGE,
                               PG_ERROR_RSVD_MASK | PG_ERROR_P_MASK,
                               access->retaddr);
    default:
        cpu->bytes_before = guest_access_bytes_before(cpu, access);
        guest_stop(cpu, access->gpa, fault, access->kind, private,
                   access->retaddr);
    }
}

/* A TD executes private memory only (Intel TDX CPU architecture
 * specification; the kind of fault is not confirmed). */
static G_NORETURN void refuse_shared_fetch(EmulatedCpu *cpu,
                                           const GuestAccess *access)
{
    CPUX86State *env = cpu_env(cpu->cs);

    env->cr[2] = access->gva;
    raise_exception_err_ra(env, EXCP0E_PAGE, PG_ERROR_RSVD_MASK |
                           PG_ERROR_P_MASK | PG_ERROR_I_D_MASK,
                           access->retaddr);
}

static bool tdx_dma_allowed(EmulatedGuest *guest, hwaddr gpa)
{
    return tdx_host_may_access(TDX_EMULATED(guest)->vm, gpa, 1);
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
    if (access->probe && !private && !tdx_dma_allowed(cpu->guest, access->gpa)) {
        return FILL_REFUSED;    /* a query: the host converts nothing for it */
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

static bool tdx_plug(EmulatedGuest *guest, hwaddr gpa, hwaddr size)
{
    return !tdx_vm_plug(TDX_EMULATED(guest)->vm, gpa, size);
}

static bool tdx_unplug(EmulatedGuest *guest, hwaddr gpa, hwaddr size,
                       bool keep)
{
    return !tdx_vm_unplug(TDX_EMULATED(guest)->vm, gpa, size, keep);
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

/* Index of a name in a list that ends with NULL, or -1. */
static int string_index(const char *const *names, const char *name)
{
    int i;

    for (i = 0; names[i]; i++) {
        if (!strcmp(names[i], name)) {
            return i;
        }
    }
    return -1;
}

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

static const char *const module_names[] = {
    [TDX_MODULE_1_5] = "1.5", [TDX_MODULE_2_0] = "2.0", NULL
};

static char *get_module(Object *obj, Error **errp)
{
    return g_strdup(module_names[TDX_EMULATED(obj)->module]);
}

static void set_module(Object *obj, const char *value, Error **errp)
{
    int module = string_index(module_names, value);

    if (module < 0) {
        error_setg(errp, "module: 1.5 or 2.0, not '%s'", value);
        return;
    }
    TDX_EMULATED(obj)->module = module;
}

static const char *const shared_access_names[] = {
    [TDX_SHARED_STOPS] = "stop", [TDX_SHARED_VE] = "ve",
    [TDX_SHARED_CONVERTS] = "convert", NULL
};

static char *get_shared_access(Object *obj, Error **errp)
{
    return g_strdup(shared_access_names[TDX_EMULATED(obj)->shared_access]);
}

static void set_shared_access(Object *obj, const char *value, Error **errp)
{
    int act = string_index(shared_access_names, value);

    if (act < 0) {
        error_setg(errp, "shared-access: stop, ve or convert, not '%s'", value);
        return;
    }
    TDX_EMULATED(obj)->shared_access = act;
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
    gc->plug = tdx_plug;
    gc->unplug = tdx_unplug;
    gc->replace = ATTACK_REMOVE_AUG;
    gc->describe = tdx_describe;
    gc->next_run = tdx_next_run;
    gc->accepted_bytes = tdx_accepted_bytes;
    gc->state = tdx_state;
    object_class_property_add_bool(oc, "pending-ve", get_pending_ve,
                                   set_pending_ve);
    object_class_property_set_description(oc, "pending-ve",
        "access to a pending page raises #VE (ATTRIBUTES.SEPT_VE_DISABLE is"
        " clear); off: it ends in a TD exit");
    object_class_property_add_bool(oc, "flexible-pending-ve",
                                   get_flexible_pending_ve,
                                   set_flexible_pending_ve);
    object_class_property_set_description(oc, "flexible-pending-ve",
        "the guest may choose that itself (CONFIG_FLAGS.FLEXIBLE_PENDING_VE)");
    object_class_property_add_str(oc, "module", get_module, set_module);
    object_class_property_set_description(oc, "module",
        "version of the TDX module: 1.5, 2.0 (REDUCE_VE, PAGE.RELEASE)");
    object_class_property_add_str(oc, "shared-access", get_shared_access,
                                  set_shared_access);
    object_class_property_set_description(oc, "shared-access",
        "what the host makes of a shared access to a private page: stop, ve,"
        " convert (to shared)");
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
