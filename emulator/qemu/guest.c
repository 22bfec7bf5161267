/* SPDX-License-Identifier: GPL-2.0-only */
/* The abstract guest object: properties, start, vCPUs and their memory. */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "qom/object_interfaces.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "sysemu/reset.h"
#include "sysemu/runstate.h"
#include "sysemu/sysemu.h"
#include "cpu.h"
#include "exec/address-spaces.h"
#include "exec/exec-all.h"
#include "exec/helper-proto.h"
#include "tcg/helper-tcg.h"
#include "guest.h"
#include "attacks.h"
#include "callers.h"
#include "probes.h"
#include "stop.h"

/* MTRRdefType as firmware leaves it: enabled, default write-back (SDM Vol 3A
 * 12.11.2.1). Linux takes MTRRs that are off to mean that there is no PAT. */
#define FIRMWARE_MTRRS 0x806

/* Above every address that a guest may use, below TCG's 52 bits. */
#define CIPHERTEXT_PAGE (1ULL << 51)

EmulatedGuest *emulated_guest_of_machine(void)
{
    return (EmulatedGuest *)object_dynamic_cast(
        OBJECT(MACHINE(qdev_get_machine())->cgs), TYPE_EMULATED_GUEST);
}

void *emulated_guest_ram(EmulatedGuest *guest, hwaddr gpa, hwaddr size)
{
    MemoryRegionSection section;
    void *pointer = NULL;

    section = memory_region_find(&guest->cpu_view, gpa, size);
    if (section.mr && memory_region_is_ram(section.mr) &&
        !section.mr->readonly && int128_get64(section.size) >= size) {
        pointer = memory_region_get_ram_ptr(section.mr) +
                  section.offset_within_region;
    }
    memory_region_unref(section.mr);
    return pointer;
}

void *emulated_guest_state_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (!size || memory == MAP_FAILED) {
        error_report("page states: cannot map %zu bytes", size);
        exit(1);
    }
    return memory;
}

void emulated_guest_flush(EmulatedGuest *guest)
{
    CPUState *cs = current_cpu ? current_cpu : first_cpu;

    tlb_flush_all_cpus_synced(cs);
}

uint64_t emulated_cpu_rip(EmulatedCpu *cpu, uintptr_t retaddr)
{
    CPUX86State *env = cpu->cs->env_ptr;
    uint64_t data[TARGET_INSN_START_WORDS];

    if (retaddr && cpu_unwind_state_data(cpu->cs, retaddr, data)) {
        return (env->eip & TARGET_PAGE_MASK) | data[0];
    }
    return env->eip;
}

bool emulated_cpu_peek(EmulatedCpu *cpu, vaddr gva, void *to, size_t size)
{
    MemTxAttrs attrs;
    hwaddr gpa = cpu_get_phys_page_attrs_debug(cpu->cs, gva & TARGET_PAGE_MASK,
                                               &attrs);
    const void *from;

    if (gpa == (hwaddr)-1 ||
        (gva & ~TARGET_PAGE_MASK) + size > TARGET_PAGE_SIZE) {
        return false;
    }
    from = emulated_guest_ram(cpu->guest, gpa + (gva & ~TARGET_PAGE_MASK),
                              size);
    if (!from) {
        return false;
    }
    memcpy(to, from, size);
    return true;
}

/* ---- hooks ------------------------------------------------------------- */

static void init_cpu_view(EmulatedGuest *guest)
{
    MemoryRegion *all = g_new(MemoryRegion, 1);

    memory_region_init(&guest->cpu_view, OBJECT(guest), "guest-memory",
                       UINT64_MAX);
    memory_region_init_alias(all, OBJECT(guest), "guest-memory.system",
                             get_system_memory(), 0, UINT64_MAX);
    memory_region_add_subregion_overlap(&guest->cpu_view, 0, all, 0);
    /* _nomigrate: the other kind takes its owner for a device. */
    memory_region_init_ram_nomigrate(&guest->ciphertext, OBJECT(guest),
                                     "ciphertext", TARGET_PAGE_SIZE,
                                     &error_fatal);
    memory_region_add_subregion_overlap(&guest->cpu_view, CIPHERTEXT_PAGE,
                                        &guest->ciphertext, 2);
    address_space_init(&guest->memory, &guest->cpu_view, "guest-memory");
}

void emulated_guest_attach(CPUState *cs)
{
    EmulatedGuest *guest = emulated_guest_of_machine();
    CPUX86State *env = cs->env_ptr;
    EmulatedCpu *cpu;

    if (!guest) {
        return;
    }
    if (!guest->cpus) {
        init_cpu_view(guest);
        guest->cpu = g_new0(EmulatedCpu,
                            MACHINE(qdev_get_machine())->smp.max_cpus);
    }
    cs->memory = &guest->cpu_view;
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
        emulated_guest_fetch(cpu, addr, retaddr);
    }
    switch (platform->check(cpu, &access)) {
    case FILL_REFUSED:
        return false;
    case FILL_CIPHERTEXT:
        *paddr = CIPHERTEXT_PAGE | (*paddr & ~TARGET_PAGE_MASK);
        *prot = PAGE_READ;
        return true;
    case FILL_ALLOWED:
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
    CC_SRC = cpu_cc_compute_all(env, CC_OP);
    CC_OP = CC_OP_EFLAGS;
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
        if (other != cs && (!other->halted || cpu_has_work(other))) {
            cpu_restore_state(cs, GETPC());
            env->eip += insn_len;
            do_pause(env);
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

bool emulated_guest_wakes(CPUState *cs)
{
    return cs->halted && X86_CPU(cs)->env.confidential->host_halted &&
           (cs->interrupt_request & CPU_INTERRUPT_HARD);
}

void emulated_guest_triple_fault(CPUX86State *env, uintptr_t retaddr)
{
    guest_triple_fault(env->confidential, retaddr);
}

/* ---- start ------------------------------------------------------------- */

static void set_segment(CPUX86State *env, int reg, unsigned selector,
                        unsigned flags)
{
    cpu_x86_load_seg_cache(env, reg, selector, 0, 0xffffffff,
                           flags | DESC_P_MASK | DESC_S_MASK | DESC_G_MASK |
                           DESC_A_MASK);
}

/* 64-bit boot protocol: paging on, flat segments, interrupts off, RSI the
 * zero page (Documentation/arch/x86/boot.rst). */
static void enter_long_mode(EmulatedCpu *cpu, uint64_t entry, uint64_t rsi)
{
    const HandOver *hand_over = &cpu->guest->hand_over;
    CPUX86State *env = cpu->cs->env_ptr;
    int reg;

    cpu_load_efer(env, env->efer | MSR_EFER_LME | MSR_EFER_NXE);
    cpu_x86_update_cr4(env, CR4_PAE_MASK | CR4_OSFXSR_MASK |
                            CR4_OSXMMEXCPT_MASK);
    cpu_x86_update_cr3(env, hand_over->page_table |
        (cpu->platform->private_bit_value
         ? env->confidential_bit : 0));
    cpu_x86_update_cr0(env, CR0_PE_MASK | CR0_PG_MASK | CR0_ET_MASK |
                            CR0_NE_MASK | CR0_WP_MASK);
    env->gdt.base = hand_over->gdt;
    env->gdt.limit = hand_over->gdt_size - 1;
    set_segment(env, R_CS, 0x10, DESC_CS_MASK | DESC_R_MASK | DESC_L_MASK);
    for (reg = 0; reg < 6; reg++) {
        if (reg != R_CS) {
            set_segment(env, reg, 0x18, DESC_W_MASK | DESC_B_MASK);
        }
    }
    env->eip = entry;
    env->regs[R_ESP] = hand_over->stack;
    env->regs[R_ESI] = rsi;
    cpu->cs->halted = 0;
}

static void reset_cpus(void *opaque)
{
    EmulatedGuest *guest = opaque;
    EmulatedGuestClass *gc = EMULATED_GUEST_GET_CLASS(guest);
    unsigned i;

    for (i = 0; i < guest->cpus; i++) {
        EmulatedCpu *cpu = &guest->cpu[i];

        ((CPUX86State *)cpu->cs->env_ptr)->mtrr_deftype = FIRMWARE_MTRRS;
        if (i == 0) {
            enter_long_mode(cpu, guest->hand_over.entry,
                            guest->hand_over.boot_params);
        } else if (guest->hand_over.ap_entry) {
            enter_long_mode(cpu, guest->hand_over.ap_entry, i);
            cpu->waiting = true;
        } else {
            cpu->cs->halted = 1;
            cpu->waiting = true;
        }
        if (gc->reset_cpu) {
            gc->reset_cpu(cpu);
        }
    }
}

static void record_hand_over(EmulatedGuest *guest)
{
    const HandOver *hand_over = &guest->hand_over;
    unsigned i;

    for (i = 0; i < hand_over->count; i++) {
        const HandOverRange *range = &hand_over->ranges[i];
        struct acc_event event = {
            .kind = range->kind == RANGE_RAM ? EVENT_RAM : EVENT_LAUNCH,
            .gpa = range->start,
            .size = range->size,
            .carry = EVENT_NO_CARRY,
        };

        if (range->kind != RANGE_SHARED) {
            guest_event(guest, NULL, event, 0);
        }
    }
}

static Notifier machine_done;
static Notifier shutdown_notifier;

static void fill_ciphertext(EmulatedGuest *guest)
{
    uint64_t *word = memory_region_get_ram_ptr(&guest->ciphertext);
    uint64_t x = 0x9e3779b97f4a7c15ULL;
    unsigned i;

    for (i = 0; i < TARGET_PAGE_SIZE / sizeof(*word); i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        word[i] = x;
    }
}

/* The hand-over is complete when the machine runs for the first time. */
static void begin(void *opaque, bool running, RunState state)
{
    EmulatedGuest *guest = opaque;
    struct acc_event stage = {
        .kind = EVENT_STAGE,
        .detail = STAGE_DECOMPRESSOR,
        .carry = EVENT_NO_CARRY,
    };

    if (running && guest->stage == STAGE_FIRMWARE) {
        guest_event(guest, NULL, stage, 0);
        guest->stage = STAGE_DECOMPRESSOR;
    }
}

static void start(Notifier *notifier, void *unused)
{
    EmulatedGuest *guest = emulated_guest_of_machine();

    if (!guest) {
        return;
    }
    fill_ciphertext(guest);
    emulated_guest_guard_dma(guest);
    record_hand_over(guest);
    EMULATED_GUEST_GET_CLASS(guest)->start(guest, &error_fatal);
    qemu_register_reset(reset_cpus, guest);
    qemu_add_vm_change_state_handler(begin, guest);
}

static void report_shutdown(EmulatedGuest *guest, ShutdownCause cause)
{
    switch (cause) {
    case SHUTDOWN_CAUSE_GUEST_SHUTDOWN:
        emulated_guest_report(guest, NULL, "shutdown",
                              "the guest powered off", 0);
        break;
    case SHUTDOWN_CAUSE_GUEST_RESET:
        emulated_guest_report(guest, &guest->cpu[0], "reset",
                              "the guest asked for a reset", 0);
        break;
    default:
        emulated_guest_report(guest, &guest->cpu[0], "killed",
                              "the emulator was told to end", 0);
    }
}

static void shut_down(Notifier *notifier, void *data)
{
    EmulatedGuest *guest = emulated_guest_of_machine();

    if (guest && !guest->ended) {
        report_shutdown(guest, *(ShutdownCause *)data);
    }
}

void emulated_guest_end_if_off(EmulatedCpu *cpu)
{
    ShutdownCause cause = qemu_shutdown_requested_get();
    CPUState *other;

    if (cause == SHUTDOWN_CAUSE_NONE || cpu->guest->ended) {
        return;
    }
    report_shutdown(cpu->guest, cause);
    CPU_FOREACH(other) {
        if (qemu_tcg_mttcg_enabled() && other != cpu->cs) {
            other->stop = true;
            qemu_cpu_kick(other);
        } else {
            other->stopped = true;
        }
    }
    cpu->cs->exception_index = EXCP_INTERRUPT;
    cpu_loop_exit(cpu->cs);
}

static void complete(UserCreatable *uc, Error **errp)
{
    EmulatedGuest *guest = EMULATED_GUEST(uc);

    if (!guest->hand_over_file) {
        error_setg(errp, "%s: property hand-over=FILE is needed",
                   object_get_typename(OBJECT(uc)));
        return;
    }
    if (!hand_over_read(&guest->hand_over, guest->hand_over_file, errp) ||
        (guest->machinery_file &&
         !callers_read(guest->machinery_file, errp)) ||
        (guest->probes_file && !probes_read(guest->probes_file, errp)) ||
        (guest->attacks_file && !attacks_read(guest->attacks_file, errp))) {
        return;
    }
    guest->events = event_stream_open(guest->events_file, errp);
    if (!guest->events) {
        return;
    }
    qemu_mutex_init(&guest->lock);
    machine_done.notify = start;
    qemu_add_machine_init_done_notifier(&machine_done);
    shutdown_notifier.notify = shut_down;
    qemu_register_shutdown_notifier(&shutdown_notifier);
    CONFIDENTIAL_GUEST_SUPPORT(guest)->ready = true;
}

/* ---- properties -------------------------------------------------------- */

#define STRING_PROPERTY(name, field)                                        \
    static char *get_##field(Object *obj, Error **errp)                     \
    {                                                                       \
        return g_strdup(EMULATED_GUEST(obj)->field);                        \
    }                                                                       \
    static void set_##field(Object *obj, const char *value, Error **errp)   \
    {                                                                       \
        g_free(EMULATED_GUEST(obj)->field);                                 \
        EMULATED_GUEST(obj)->field = g_strdup(value);                       \
    }

STRING_PROPERTY("hand-over", hand_over_file)
STRING_PROPERTY("events", events_file)
STRING_PROPERTY("report", report_file)
STRING_PROPERTY("snapshots", snapshots_dir)
STRING_PROPERTY("probes", probes_file)
STRING_PROPERTY("machinery", machinery_file)
STRING_PROPERTY("attacks", attacks_file)

static char *get_backing(Object *obj, Error **errp)
{
    return g_strdup(EMULATED_GUEST(obj)->backing_4k ? "4K" : "2M");
}

static void set_backing(Object *obj, const char *value, Error **errp)
{
    if (strcmp(value, "4K") && strcmp(value, "2M")) {
        error_setg(errp, "host-backing is 2M or 4K, not '%s'", value);
        return;
    }
    EMULATED_GUEST(obj)->backing_4k = !strcmp(value, "4K");
}

static char *get_assign(Object *obj, Error **errp)
{
    return g_strdup(EMULATED_GUEST(obj)->assign_in_advance ? "advance"
                                                           : "demand");
}

static void set_assign(Object *obj, const char *value, Error **errp)
{
    if (strcmp(value, "demand") && strcmp(value, "advance")) {
        error_setg(errp, "host-assign is demand or advance, not '%s'", value);
        return;
    }
    EMULATED_GUEST(obj)->assign_in_advance = !strcmp(value, "advance");
}

static void add_string(ObjectClass *oc, const char *name,
                       char *(*get)(Object *, Error **),
                       void (*set)(Object *, const char *, Error **),
                       const char *description)
{
    object_class_property_add_str(oc, name, get, set);
    object_class_property_set_description(oc, name, description);
}

static void emulated_guest_class_init(ObjectClass *oc, void *data)
{
    USER_CREATABLE_CLASS(oc)->complete = complete;
    add_string(oc, "hand-over", get_hand_over_file, set_hand_over_file,
               "file that describes memory and vCPUs at the first instruction");
    add_string(oc, "events", get_events_file, set_events_file,
               "file for the event stream; without it events are off");
    add_string(oc, "report", get_report_file, set_report_file,
               "file for the report that is written when the guest ends");
    add_string(oc, "snapshots", get_snapshots_dir, set_snapshots_dir,
               "folder for snapshots of the unaccepted bitmap and page states");
    add_string(oc, "probes", get_probes_file, set_probes_file,
               "file with the guest functions whose calls are events");
    add_string(oc, "machinery", get_machinery_file, set_machinery_file,
               "file with the functions that are skipped in search of a caller");
    add_string(oc, "attacks", get_attacks_file, set_attacks_file,
               "file with the acts of a hostile host and their moments");
    add_string(oc, "host-backing", get_backing, set_backing,
               "size of the host's pages behind guest memory: 2M or 4K");
    add_string(oc, "host-assign", get_assign, set_assign,
               "when the host assigns pages to the guest: demand or advance");
}

static const TypeInfo emulated_guest_type = {
    .parent = TYPE_CONFIDENTIAL_GUEST_SUPPORT,
    .name = TYPE_EMULATED_GUEST,
    .instance_size = sizeof(EmulatedGuest),
    .class_size = sizeof(EmulatedGuestClass),
    .class_init = emulated_guest_class_init,
    .abstract = true,
    .interfaces = (InterfaceInfo[]) { { TYPE_USER_CREATABLE }, { } },
};

static void register_types(void)
{
    type_register_static(&emulated_guest_type);
}

type_init(register_types);
