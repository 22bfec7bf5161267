/* SPDX-License-Identifier: GPL-2.0-only */
/* The report at the end of a run: who, where, why, as JSON. */
#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "guest.h"
#include "attacks.h"
#include "counts.h"
#include "firmware.h"
#include "hotplug.h"
#include "kernel-trace.h"
#include "names.h"
#include "printk.h"
#include "schedule.h"

#define STACK_WORDS 64
/* A descriptor of 64 page states (half a KiB) may lie on the stack. */
#define LONG_STACK_WORDS 192
#define HISTORY_EVENTS 32
#define PRINTK_RECORDS 60

static void put_hex(QDict *dict, const char *key, uint64_t value)
{
    g_autofree char *text = g_strdup_printf("0x%" PRIx64, value);

    qdict_put_str(dict, key, text);
}

static QDict *registers(CPUX86State *env)
{
    static const char *const name[] = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
        "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
    };
    QDict *dict = qdict_new();
    unsigned i;

    for (i = 0; i < ARRAY_SIZE(name); i++) {
        put_hex(dict, name[i], env->regs[i]);
    }
    put_hex(dict, "rip", env->eip);
    put_hex(dict, "rflags", cpu_compute_eflags(env));
    put_hex(dict, "cr0", env->cr[0]);
    put_hex(dict, "cr2", env->cr[2]);
    put_hex(dict, "cr3", env->cr[3]);
    put_hex(dict, "cr4", env->cr[4]);
    put_hex(dict, "cs", env->segs[R_CS].selector);
    put_hex(dict, "gs-base", env->segs[R_GS].base);
    return dict;
}

static QList *stack(EmulatedCpu *cpu, unsigned words)
{
    CPUX86State *env = cpu_env(cpu->cs);
    QList *list = qlist_new();
    unsigned i;

    for (i = 0; i < words; i++) {
        uint64_t word;
        char text[32];

        if (!emulated_cpu_peek(cpu, env->regs[R_ESP] + i * 8, &word, 8)) {
            break;
        }
        snprintf(text, sizeof(text), "0x%" PRIx64, le64_to_cpu(word));
        qlist_append_str(list, text);
    }
    return list;
}

static QList *history(EmulatedGuest *guest, hwaddr gpa)
{
    QList *list = qlist_new();
    unsigned found, i;
    g_autofree struct acc_event *events = event_stream_history(
        guest->events, gpa, HISTORY_EVENTS, &found);

    for (i = 0; i < found; i++) {
        const struct acc_event *e = &events[i];
        g_autofree char *kind = event_kind_name(e->kind);
        QDict *dict = qdict_new();

        qdict_put_int(dict, "seq", e->seq);
        qdict_put_int(dict, "vcpu", e->vcpu);
        qdict_put_str(dict, "kind", kind);
        qdict_put_str(dict, "stage", stage_name(e->stage));
        put_hex(dict, "gpa", e->gpa);
        put_hex(dict, "size", e->size);
        put_hex(dict, "result", e->result);
        put_hex(dict, "rip", e->rip);
        qlist_append(list, dict);
    }
    return list;
}

static QDict *stages(EmulatedGuest *guest)
{
    QDict *dict = qdict_new();
    unsigned i;

    for (i = STAGE_DECOMPRESSOR; i <= guest->stage; i++) {
        qdict_put_int(dict, stage_name(i), guest->stage_clock[i]);
    }
    return dict;
}

/* Eight bytes in two halves: a lock of four may be the last of its page. */
static bool peek_word(EmulatedCpu *cpu, vaddr gva, uint64_t *word)
{
    uint32_t low, high = 0;

    if (!emulated_cpu_peek(cpu, gva, &low, sizeof(low))) {
        return false;
    }
    if (!emulated_cpu_peek(cpu, gva + sizeof(low), &high, sizeof(high))) {
        high = 0;
    }
    *word = deposit64(le32_to_cpu(low), 32, 32, le32_to_cpu(high));
    return true;
}

/* Of the first kernel's variables, what its vCPU can read now */
static QDict *peeked(EmulatedCpu *cpu)
{
    EmulatedGuest *guest = cpu->guest;
    g_auto(GStrv) address = g_strsplit(guest->peek, ":", 0);
    QDict *dict = qdict_new();
    uint64_t linked, word;
    unsigned i;

    for (i = 0; address[i]; i++) {
        if (!qemu_strtou64(address[i], NULL, 16, &linked) &&
            peek_word(cpu, linked + guest->kaslr_offset[0], &word)) {
            put_hex(dict, address[i], word);
        }
    }
    return dict;
}

static void put_cpu(QDict *report, EmulatedCpu *cpu, unsigned words)
{
    CPUX86State *env = cpu_env(cpu->cs);

    qdict_put_int(report, "vcpu", cpu->index);
    put_hex(report, "rip", env->eip);
    qdict_put(report, "registers", registers(env));
    qdict_put(report, "stack", stack(cpu, words));
}

/* Every vCPU, where there are several and it matters what the others did */
static QList *all_cpus(EmulatedGuest *guest)
{
    QList *list = qlist_new();
    unsigned i;

    for (i = 0; i < guest->cpus; i++) {
        QDict *dict = qdict_new();

        put_cpu(dict, &guest->cpu[i], LONG_STACK_WORDS);
        qlist_append(list, dict);
    }
    return list;
}

static void put_page(QDict *report, EmulatedGuest *guest, hwaddr gpa)
{
    char text[256] = "";

    EMULATED_GUEST_GET_CLASS(guest)->describe(guest, gpa, text, sizeof(text));
    put_hex(report, "gpa", gpa);
    qdict_put_str(report, "page_state", text);
    qdict_put(report, "page_history", history(guest, gpa));
}

static void write_report(EmulatedGuest *guest, QDict *report)
{
    g_autoptr(GString) json = qobject_to_json_pretty(QOBJECT(report), true);
    g_autoptr(GError) error = NULL;

    if (guest->report_file &&
        !g_file_set_contents(guest->report_file, json->str, json->len,
                             &error)) {
        error_report("report: %s", error->message);
        _exit(1);
    }
}

/* What the guest has come to. Caller holds guest->lock. */
static QDict *account(EmulatedGuest *guest, EmulatedCpu *cpu,
                      const char *outcome, const char *why, hwaddr gpa)
{
    QDict *report = qdict_new();
    QList *counts = counts_report();

    qdict_put_str(report, "outcome", outcome);
    qdict_put_str(report, "reason", why);
    qdict_put_str(report, "stage", stage_name(guest->stage));
    qdict_put(report, "stages", stages(guest));
    put_hex(report, "kaslr_offset", guest->kaslr_offset[0]);
    if (guest->second_kernel) {
        put_hex(report, "second_kaslr_offset", guest->kaslr_offset[1]);
    }
    qdict_put_int(report, "accepted_bytes",
                  EMULATED_GUEST_GET_CLASS(guest)->accepted_bytes(guest));
    if (icount_enabled()) {
        qdict_put_int(report, "instructions", guest_clock());
    }
    if (guest->schedule) {
        qdict_put_int(report, "turns", schedule_turns());
    }
    if (cpu) {
        put_cpu(report, cpu, STACK_WORDS);
        put_page(report, guest, gpa);
        if (guest->peek && guest->stage >= STAGE_KERNEL &&
            guest->stage <= STAGE_USERSPACE) {
            qdict_put(report, "peeked", peeked(cpu));
        }
        qdict_put(report, "printk", printk_tail(cpu, PRINTK_RECORDS));
    }
    if (counts) {
        qdict_put(report, "counts", counts);
    }
    if (guest->attacks_file) {
        qdict_put(report, "attacks", attacks_report(guest));
    }
    if (guest->hotplug_file) {
        qdict_put(report, "hotplug", hotplug_report());
    }
    if (guest->handoff.firmware_size) {
        qdict_put(report, "firmware", firmware_report(guest));
    }
    return report;
}

/* The guest's last report, if nobody has written it. Caller holds guest->lock. */
static void end(EmulatedGuest *guest, QDict *report)
{
    kernel_trace_without_kernel(guest);
    qdict_put_int(report, "events", event_stream_end(guest));
    guest->ended = true;
    write_report(guest, report);
    qobject_unref(report);
}

void emulated_guest_report(EmulatedGuest *guest, EmulatedCpu *cpu,
                           const char *outcome, const char *why, hwaddr gpa)
{
    qemu_mutex_lock(&guest->lock);
    if (!guest->reported) {     /* by another thread, just now */
        guest->reported = true;
        end(guest, account(guest, cpu, outcome, why, gpa));
    }
    qemu_mutex_unlock(&guest->lock);
}

/* Nothing of the machine may go on, least of all another vCPU's thread. */
static G_NORETURN void exit_now(const char *outcome, const char *why)
{
    fprintf(stderr, "acceptlab: %s: %s\n", outcome, why);
    _exit(0);
}

G_NORETURN void emulated_guest_end(EmulatedCpu *cpu, const char *outcome,
                                   const char *why, hwaddr gpa,
                                   uintptr_t retaddr)
{
    cpu_restore_state(cpu->cs, retaddr);
    emulated_guest_report(cpu->guest, cpu, outcome, why, gpa);
    exit_now(outcome, why);
}

G_NORETURN void emulated_guest_end_locked(EmulatedCpu *cpu, const char *outcome,
                                          const char *why, hwaddr gpa,
                                          uintptr_t retaddr)
{
    QDict *report;

    cpu_restore_state(cpu->cs, retaddr);
    report = account(cpu->guest, cpu, outcome, why, gpa);
    qdict_put(report, "vcpus", all_cpus(cpu->guest));
    cpu->guest->reported = true;
    end(cpu->guest, report);
    exit_now(outcome, why);
}

void emulated_guest_report_so_far(EmulatedCpu *cpu, const char *outcome,
                                  const char *why, hwaddr gpa)
{
    QDict *report = account(cpu->guest, cpu, outcome, why, gpa);

    qdict_put(report, "vcpus", all_cpus(cpu->guest));
    write_report(cpu->guest, report);
    qobject_unref(report);
}
