/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stage of a guest, from where its vCPUs fetch instructions: the
 * decompressor runs at identity-mapped addresses, the kernel proper in the
 * kernel map, userspace at CPL 3; a kexec comes back to identity-mapped code.
 */
#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "cpu.h"
#include "compat.h"
#include "guest.h"
#include "firmware.h"
#include "kernel-trace.h"

/* Documentation/arch/x86/x86_64/mm.rst: start of the kernel text mapping;
 * CONFIG_PHYSICAL_START: where the kernel is linked in it. */
#define KERNEL_MAP 0xffffffff80000000ULL
#define KERNEL_MAP_END 0xffffffffc0000000ULL
#define KERNEL_LINKED_AT 0xffffffff81000000ULL
#define KERNEL_ALIGN (2 * 1024 * 1024ULL)

static bool is_in_kernel_map(vaddr gva)
{
    return gva >= KERNEL_MAP && gva < KERNEL_MAP_END;
}

static enum stage stage_after(enum stage stage, vaddr gva, hwaddr gpa,
                              bool user)
{
    switch (stage) {
    case STAGE_DECOMPRESSOR:
    case STAGE_SECOND_DECOMPRESSOR:
        return is_in_kernel_map(gva) ? stage + 1 : stage;
    case STAGE_KERNEL:
    case STAGE_SECOND_KERNEL:
        return user ? stage + 1 : stage;
    case STAGE_USERSPACE:
        /* An idle vCPU waits in firmware, and run-time services lie there. */
        return !user && (int64_t)gva >= 0 && !firmware_owns(gpa)
               ? STAGE_SECOND_DECOMPRESSOR : stage;
    default:
        return stage;
    }
}

/* A secondary vCPU that leaves the mailbox loop has been started (TDX). */
static void leave_mailbox(EmulatedCpu *cpu, vaddr gva, hwaddr gpa,
                          uintptr_t retaddr)
{
    struct acc_event event = {
        .kind = EVENT_AP_START,
        .detail = cpu->index,
        .carry = EVENT_NO_CARRY,
    };

    if (!((gva ^ cpu->guest->handoff.ap_entry) & TARGET_PAGE_MASK) ||
        firmware_owns(gpa)) {
        return;
    }
    cpu->waiting = false;
    qemu_mutex_lock(&cpu->guest->lock);
    guest_event(cpu->guest, cpu, event, retaddr);
    qemu_mutex_unlock(&cpu->guest->lock);
}

/*
 * Where the kernel's image begins, from an address in it: early code unmaps
 * what the kernel map has below _text and above _end (Linux
 * arch/x86/boot/startup/map_kernel.c, 6.12 arch/x86/kernel/head64.c), before it
 * jumps there. The jump's target need not lie in the image's first 2 MiB: from
 * 6.16 on it is common_startup_64() in .text.
 */
static vaddr kernel_base(EmulatedCpu *cpu, vaddr gva)
{
    vaddr base = gva & ~(KERNEL_ALIGN - 1);
    uint8_t byte;

    while (base > KERNEL_MAP &&
           emulated_cpu_peek(cpu, base - KERNEL_ALIGN, &byte, 1)) {
        base -= KERNEL_ALIGN;
    }
    return base;
}

/* A kernel that firmware did not enter by its EFI stub is seen late, or that
 * stub is another one. */
static void begin_late(EmulatedGuest *guest)
{
    qemu_mutex_lock(&guest->lock);
    kernel_trace_begin(guest);
    qemu_mutex_unlock(&guest->lock);
}

void emulated_guest_fetch(EmulatedCpu *cpu, vaddr gva, hwaddr gpa,
                          uintptr_t retaddr)
{
    EmulatedGuest *guest = cpu->guest;
    CPUX86State *env = cpu_env(cpu->cs);
    bool user = (env->hflags & HF_CPL_MASK) == 3;
    struct acc_event event = {
        .kind = EVENT_STAGE,
        .carry = EVENT_NO_CARRY,
    };
    enum stage next;

    if (unlikely(guest->stage == STAGE_FIRMWARE)) {
        firmware_note_fetch(cpu, gva, gpa);
        if (!is_in_kernel_map(gva)) {
            return;
        }
        begin_late(guest);
    }
    if (unlikely(cpu->waiting)) {
        leave_mailbox(cpu, gva, gpa, retaddr);
    }
    next = stage_after(guest->stage, gva, gpa, user);
    if (next == guest->stage) {
        return;
    }
    event.detail = next;
    qemu_mutex_lock(&guest->lock);
    if (next == stage_after(guest->stage, gva, gpa, user)) {
        if (next == STAGE_KERNEL || next == STAGE_SECOND_KERNEL) {
            guest->kaslr_offset[guest->second_kernel] =
                kernel_base(cpu, gva) - KERNEL_LINKED_AT;
        }
        guest_event(guest, cpu, event, retaddr);
        guest->stage_clock[next] = guest_clock();
        guest->stage = next;
        guest->second_kernel = next >= STAGE_SECOND_DECOMPRESSOR;
    }
    qemu_mutex_unlock(&guest->lock);
}
