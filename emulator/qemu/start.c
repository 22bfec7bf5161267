/* SPDX-License-Identifier: GPL-2.0-only */
/* How a run begins, from the boot handoff, and how the end of the machine is reported. */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qom/object_interfaces.h"
#include "hw/core/cpu.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "guest.h"
#include "attacks.h"
#include "firmware.h"
#include "halt.h"
#include "chipset.h"
#include "hotplug.h"
#include "kernel-trace.h"
#include "panic.h"
#include "probes.h"
#include "schedule.h"
#include "snapshot.h"
#include "table-watch.h"
#include "turns.h"
#include "vmstate.h"

/* MTRRdefType as firmware leaves it: enabled, default write-back (SDM Vol 3A
 * 12.11.2.1). Linux takes MTRRs that are off to mean that there is no PAT. */
#define FIRMWARE_MTRRS 0x806

#define RESET_VECTOR 0xfffffff0u
#define TD_ADDRESS_WIDTH 48     /* GPAW: TDX_GPAW of tdx.h */

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
    const Handoff *handoff = &cpu->guest->handoff;
    CPUX86State *env = cpu_env(cpu->cs);
    int reg;

    cpu_load_efer(env, env->efer | MSR_EFER_LME | MSR_EFER_NXE);
    cpu_x86_update_cr4(env, CR4_PAE_MASK | CR4_OSFXSR_MASK |
                            CR4_OSXMMEXCPT_MASK);
    cpu_x86_update_cr3(env, handoff->page_table |
        (cpu->platform->private_bit_value
         ? env->confidential_bit : 0));
    cpu_x86_update_cr0(env, CR0_PE_MASK | CR0_PG_MASK | CR0_ET_MASK |
                            CR0_NE_MASK | CR0_WP_MASK);
    env->gdt.base = handoff->gdt;
    env->gdt.limit = handoff->gdt_size - 1;
    set_segment(env, R_CS, 0x10, DESC_CS_MASK | DESC_R_MASK | DESC_L_MASK);
    for (reg = 0; reg < 6; reg++) {
        if (reg != R_CS) {
            set_segment(env, reg, 0x18, DESC_W_MASK | DESC_B_MASK);
        }
    }
    env->eip = entry;
    env->regs[R_ESP] = handoff->stack;
    env->regs[R_ESI] = rsi;
    cpu->cs->halted = 0;
}

/*
 * A TD's vCPU at its first instruction: 32-bit mode without paging, the address
 * width, its number and the TD HOB in registers (Intel TDX module base
 * specification, TD VCPU initial state; TDVF design guide 4.1).
 */
static void enter_protected_mode(EmulatedCpu *cpu)
{
    CPUX86State *env = cpu_env(cpu->cs);
    int reg;

    cpu_load_efer(env, env->efer | MSR_EFER_LME | MSR_EFER_NXE | MSR_EFER_SCE);
    cpu_x86_update_cr0(env, CR0_PE_MASK | CR0_ET_MASK | CR0_NE_MASK);
    set_segment(env, R_CS, 0x10, DESC_CS_MASK | DESC_R_MASK | DESC_B_MASK);
    for (reg = 0; reg < 6; reg++) {
        if (reg != R_CS) {
            set_segment(env, reg, 0x18, DESC_W_MASK | DESC_B_MASK);
        }
    }
    env->eip = RESET_VECTOR;
    env->regs[R_EBX] = TD_ADDRESS_WIDTH;
    env->regs[R_ECX] = env->regs[8] = cpu->guest->handoff.td_hob;
    env->regs[R_ESI] = cpu->index;
    cpu->cs->halted = 0;
}

/* As the platform starts its guests: an SNP guest's first vCPU begins in the
 * state after a reset, the others when it starts them; a TD's all together. */
static void enter_firmware(EmulatedCpu *cpu)
{
    if (cpu->guest->handoff.td_hob) {
        enter_protected_mode(cpu);
    } else if (cpu->index) {
        cpu->cs->halted = 1;
        cpu->waiting = true;
    }
}

static void enter_kernel(EmulatedCpu *cpu)
{
    const Handoff *handoff = &cpu->guest->handoff;

    cpu_env(cpu->cs)->mtrr_deftype = FIRMWARE_MTRRS;
    if (!cpu->index) {
        enter_long_mode(cpu, handoff->entry, handoff->boot_params);
    } else if (handoff->ap_entry) {
        enter_long_mode(cpu, handoff->ap_entry, cpu->index);
        cpu->waiting = true;
    } else {
        cpu->cs->halted = 1;
        cpu->waiting = true;
    }
}

static void reset_cpus(void *opaque)
{
    EmulatedGuest *guest = opaque;
    EmulatedGuestClass *gc = EMULATED_GUEST_GET_CLASS(guest);
    unsigned i;

    state_reset();
    for (i = 0; i < guest->cpus; i++) {
        EmulatedCpu *cpu = &guest->cpu[i];

        if (guest->handoff.firmware_size) {
            enter_firmware(cpu);
        } else {
            enter_kernel(cpu);
        }
        if (gc->reset_cpu) {
            gc->reset_cpu(cpu);
        }
    }
}

static Notifier machine_done;
static Notifier shutdown_notifier;

/* The boot handoff is complete when the machine runs for the first time. */
static void begin(void *opaque, bool running, RunState state)
{
    EmulatedGuest *guest = opaque;
    struct acc_event stage = {
        .kind = EVENT_STAGE,
        .detail = STAGE_DECOMPRESSOR,
        .carry = EVENT_NO_CARRY,
    };

    if (!running) {
        return;
    }
    state_check();
    if (guest->begun) {
        return;
    }
    guest->begun = true;
    if (!guest->handoff.firmware_size) {
        chipset_begin();
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
    firmware_map(guest);
    emulated_guest_fill_ciphertext(guest);
    emulated_guest_guard_dma(guest);
    kernel_trace_handoff(guest);
    table_watch_begin(guest);
    EMULATED_GUEST_GET_CLASS(guest)->start(guest, &error_fatal);
    hotplug_begin(guest);
    state_begin(guest);
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
                              "the guest requested a reset", 0);
        break;
    default:
        emulated_guest_report(guest, &guest->cpu[0], "killed",
                              "the emulator was terminated", 0);
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

static void observe(EventStream *stream)
{
    event_stream_observe(stream, attacks_note);
    event_stream_observe(stream, probes_note);
    event_stream_observe(stream, panic_note);
    event_stream_observe(stream, snapshot_note);
    event_stream_observe(stream, schedule_note);
    event_stream_observe(stream, hotplug_note);
    event_stream_observe(stream, halt_note);
    event_stream_follow(stream, halt_recorded);
}

/* Firmware's events lie beside the kernel's, under their name and .firmware. */
static bool open_streams(EmulatedGuest *guest, Error **errp)
{
    EventStream *kernel = event_stream_open(guest->events_file, errp);
    g_autofree char *beside = guest->events_file
        ? g_strdup_printf("%s.firmware", guest->events_file) : NULL;

    if (!kernel) {
        return false;
    }
    observe(kernel);
    if (!guest->handoff.firmware_size) {
        guest->events = kernel;
        return true;
    }
    guest->kernel_events = kernel;
    guest->events = event_stream_open(beside, errp);
    return guest->events != NULL;
}

void emulated_guest_complete(UserCreatable *uc, Error **errp)
{
    EmulatedGuest *guest = EMULATED_GUEST(uc);

    if (!guest->handoff_file) {
        error_setg(errp, "%s: property handoff=FILE is needed",
                   object_get_typename(OBJECT(uc)));
        return;
    }
    turns_begin();
    if (!handoff_read(&guest->handoff, guest->handoff_file, errp) ||
        (guest->skip_list_file &&
         !symbols_read(&guest->symbols, guest->skip_list_file, errp)) ||
        (guest->probes_file && !probes_read(guest->probes_file, errp)) ||
        (guest->schedule && !schedule_set(guest->schedule, errp)) ||
        (guest->halt_at && !halt_set(guest->halt_at, guest->halt_pause, errp)) ||
        (guest->hotplug_file && !hotplug_read(guest->hotplug_file, errp)) ||
        (guest->attacks_file && !attacks_read(guest->attacks_file,
                       EMULATED_GUEST_GET_CLASS(guest)->platform, errp))) {
        return;
    }
    if (!open_streams(guest, errp)) {
        return;
    }
    qemu_mutex_init(&guest->lock);
    machine_done.notify = start;
    qemu_add_machine_init_done_notifier(&machine_done);
    shutdown_notifier.notify = shut_down;
    qemu_register_shutdown_notifier(&shutdown_notifier);
    CONFIDENTIAL_GUEST_SUPPORT(guest)->ready = true;
    if (guest->hold) {
        raise(SIGSTOP);
    }
}
