/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of faults and fatal exits, and the end of a guest after one. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "stop.h"

/* Faults of a vCPU at one place with no other event in between: those that wait
 * for another vCPU are fewer by far. */
#define SAME_FAULTS_MAX 10000

static const char *const stop_text[] = {
    [STOP_NOT_ASSIGNED] = "private access to a page that the host has as shared",
    [STOP_NOT_RAM] = "private access to an address that is not RAM",
    [STOP_SHARED_ACCESS] = "shared access to a page that the guest owns",
    [STOP_OWNER] = "the page belongs to another owner or address",
    [STOP_VMPL] = "VMPL permissions forbid the access",
    [STOP_PENDING] = "access to a page that was not accepted",
    [STOP_BLOCKED] = "the host has blocked the page",
    [STOP_NO_PROGRESS] = "the host gave up resolving the same exit",
    [STOP_HANDLER] = "the guest broke the protocol with the host",
    [STOP_TRIPLE_FAULT] = "triple fault",
    [STOP_SAVE_AREA] = "access to the save area (VMSA) of a vCPU that runs",
};

static const char *const access_text[] = {
    [ACCESS_READ] = "read", [ACCESS_WRITE] = "write",
    [ACCESS_FETCH] = "instruction fetch", [ACCESS_WALK] = "page-table walk",
    [ACCESS_INSTRUCTION] = "operand of a confidential-computing instruction",
};

static uint64_t detail_of(EmulatedCpu *cpu, enum access_kind kind,
                          bool private, uint32_t platform)
{
    uint64_t before = cpu->bytes_before;

    cpu->bytes_before = 0;
    return kind | (private ? ACCESS_DETAIL_PRIVATE : 0) |
           before << ACCESS_DETAIL_BEFORE_SHIFT | (uint64_t)platform << 32;
}

static void record(EmulatedCpu *cpu, struct acc_event event, uintptr_t retaddr)
{
    event.carry = EVENT_NO_CARRY;
    qemu_mutex_lock(&cpu->guest->lock);
    guest_event(cpu->guest, cpu, event, retaddr);
    qemu_mutex_unlock(&cpu->guest->lock);
}

/* The vCPU stands at the fatal exit. */
static G_NORETURN void stopped(EmulatedCpu *cpu, hwaddr gpa,
                               enum stop_reason reason, const char *text,
                               enum access_kind kind, uint64_t detail)
{
    g_autofree char *why = NULL;

    record(cpu, (struct acc_event) {
        .kind = EVENT_STOP,
        .gpa = gpa,
        .size = 1,
        .result = reason,
        .detail = detail,
    }, 0);
    why = g_strdup_printf("%s (%s, gpa 0x%" PRIx64 ")", text,
                          access_text[kind], (uint64_t)gpa);
    emulated_guest_end(cpu, "stopped", why, gpa, 0);
}

/* Whether the vCPU makes no progress but faults at this place. */
static bool is_stuck(EmulatedCpu *cpu, hwaddr gpa)
{
    uint64_t rip = emulated_cpu_rip(cpu, 0);

    if (cpu->fault_gpa != gpa || cpu->fault_rip != rip) {
        cpu->same_faults = 0;
    }
    cpu->fault_gpa = gpa;
    cpu->fault_rip = rip;
    return cpu->same_faults++ == SAME_FAULTS_MAX;
}

void guest_fault(EmulatedCpu *cpu, hwaddr gpa,
                 const struct access_fault *fault, enum access_kind kind,
                 bool private)
{
    if (is_stuck(cpu, gpa)) {
        stopped(cpu, gpa, STOP_NO_PROGRESS, "the guest faults here again and"
                " again without progress", kind,
                detail_of(cpu, kind, private, fault->platform));
    }
    record(cpu, (struct acc_event) {
        .kind = EVENT_FAULT,
        .gpa = gpa,
        .size = 1,
        .detail = detail_of(cpu, kind, private, fault->platform),
    }, 0);
}

void guest_ciphertext(EmulatedCpu *cpu, hwaddr gpa, uintptr_t retaddr)
{
    record(cpu, (struct acc_event) {
        .kind = EVENT_CIPHERTEXT,
        .gpa = gpa,
        .size = 1,
        .detail = detail_of(cpu, ACCESS_READ, false, 0),
    }, retaddr);
}

G_NORETURN void guest_stop(EmulatedCpu *cpu, hwaddr gpa,
                           const struct access_fault *fault,
                           enum access_kind kind, bool private,
                           uintptr_t retaddr)
{
    cpu_restore_state(cpu->cs, retaddr);
    stopped(cpu, gpa, fault->stop,
            stop_text[MIN(fault->stop, ARRAY_SIZE(stop_text) - 1)], kind,
            detail_of(cpu, kind, private, fault->platform));
}

G_NORETURN void guest_triple_fault(EmulatedCpu *cpu, uintptr_t retaddr)
{
    cpu_restore_state(cpu->cs, retaddr);
    record(cpu, (struct acc_event) {
        .kind = EVENT_STOP,
        .result = STOP_TRIPLE_FAULT,
    }, 0);
    emulated_guest_end(cpu, "triple-fault", "an exception could not be"
                       " delivered, nor the double fault after it", 0, 0);
}

G_NORETURN void guest_terminate(EmulatedCpu *cpu, uint64_t code,
                                const char *why, uintptr_t retaddr)
{
    cpu_restore_state(cpu->cs, retaddr);
    record(cpu, (struct acc_event) {
        .kind = EVENT_TERMINATE,
        .detail = code,
    }, 0);
    emulated_guest_end(cpu, "terminated", why, 0, 0);
}
