/* SPDX-License-Identifier: GPL-2.0-only */
/* VMGEXIT: the MSR protocol, and what guests ask for by their GHCB pages. */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "cpu.h"
#include "compat.h"
#include "exec/exec-all.h"
#include "tcg/helper-tcg.h"
#include "snp.h"
#include "host.h"
#include "stop.h"

#define GHCB_SIZE 4096
#define MAX_MMIO 8

/* SW_EXITINFO1 of an AP creation event (GHCB specification 4.1.9) */
#define AP_CREATE_ON_INIT 0
#define AP_CREATE 1
#define AP_DESTROY 2

/* Set and reason of a termination as Linux has them (asm/sev-common.h). */
static const char *reason_text(uint8_t set, uint8_t reason)
{
    static const char *const general[] = {
        "unhandled #VC or no GHCB", "GHCB protocol version not supported",
        "SNP or a required feature is not supported",
    };
    static const char *const linux_set[] = {
        "GHCB registration failed", "page state change failed",
        "PVALIDATE failed or found the page validated already",
        "not running at VMPL 0", "CPUID page unusable", "CPUID by host failed",
        "secrets page unusable", "no SVSM", "SVSM claims VMPL 0",
        "SVSM calling area not aligned",
    };

    if (set == 0 && reason < ARRAY_SIZE(general)) {
        return general[reason];
    }
    if (set == 1 && reason < ARRAY_SIZE(linux_set)) {
        return linux_set[reason];
    }
    return "reason not known";
}

static G_NORETURN void terminate(EmulatedCpu *cpu, uint8_t set, uint8_t reason,
                                 uintptr_t retaddr)
{
    g_autofree char *why = g_strdup_printf(
        "the guest terminated through the GHCB, set %u reason %u: %s", set,
        reason, reason_text(set, reason));

    guest_terminate(cpu, GHCB_MSR_TERM_REQ | set << 12 | reason << 16, why,
                    retaddr);
}

/* Data of the exit: in the GHCB's shared buffer, or in shared memory. */
static void *scratch(EmulatedCpu *cpu, void *page,
                     const struct ghcb_request *request)
{
    return request->scratch_offset != GHCB_NO_SCRATCH
           ? (char *)page + request->scratch_offset
           : emulated_guest_ram(cpu->guest, request->scratch,
                                request->scratch_length);
}

static void do_cpuid(EmulatedCpu *cpu, void *page,
                     const struct ghcb_request *request)
{
    uint32_t regs[4];

    snp_cpuid(cpu, request->rax, request->rcx, regs);
    ghcb_answer_begin(page);
    ghcb_answer_rax(page, regs[HOST_EAX]);
    ghcb_answer_rbx(page, regs[HOST_EBX]);
    ghcb_answer_rcx(page, regs[HOST_ECX]);
    ghcb_answer_rdx(page, regs[HOST_EDX]);
}

static void do_msr(EmulatedCpu *cpu, void *page,
                   const struct ghcb_request *request)
{
    uint32_t msr = request->rcx;
    uint64_t value = (uint32_t)request->rax | request->rdx << 32;
    bool write = request->info1;

    if (write ? !host_wrmsr(cpu, msr, value) : !host_rdmsr(cpu, msr, &value)) {
        ghcb_answer_exception(page, EXCP0D_GPF, 1, 0);
        return;
    }
    ghcb_answer_begin(page);
    if (!write) {
        ghcb_answer_rax(page, (uint32_t)value);
        ghcb_answer_rdx(page, value >> 32);
    }
}

static void string_io(const struct ghcb_ioio *io, char *data)
{
    uint32_t i;

    for (i = 0; i < io->count; i++, data += io->size) {
        uint32_t value = 0;

        if (io->in) {
            value = cpu_to_le32(host_in(io->port, io->size));
            memcpy(data, &value, io->size);
        } else {
            memcpy(&value, data, io->size);
            host_out(io->port, io->size, le32_to_cpu(value));
        }
    }
}

static void do_io(EmulatedCpu *cpu, void *page,
                  const struct ghcb_request *request)
{
    const struct ghcb_ioio *io = &request->ioio;
    void *data = scratch(cpu, page, request);

    if (io->string) {
        if (data) {
            string_io(io, data);
        }
        ghcb_answer_begin(page);
    } else if (io->in) {
        uint32_t value = host_in(io->port, io->size);

        ghcb_answer_begin(page);
        ghcb_answer_rax(page, value);
    } else {
        host_out(io->port, io->size, request->rax);
        ghcb_answer_begin(page);
    }
}

static void do_mmio(EmulatedCpu *cpu, void *page,
                    const struct ghcb_request *request)
{
    void *data = scratch(cpu, page, request);
    bool write = request->exit == GHCB_EXIT_MMIO_WRITE;
    bool ok = data && request->info2 <= MAX_MMIO &&
        (write ? host_mmio_write(cpu, request->info1, data, request->info2)
               : host_mmio_read(cpu, request->info1, data, request->info2));

    if (ok) {
        ghcb_answer_begin(page);
    } else {
        ghcb_answer_error(page, GHCB_ERROR_INVALID_INPUT);
    }
}

/* A device may take the access as a request to switch the machine off. */
static void do_device(EmulatedCpu *cpu, void *page,
                      const struct ghcb_request *request)
{
    bql_lock();
    if (request->exit == GHCB_EXIT_IOIO) {
        do_io(cpu, page, request);
    } else {
        do_mmio(cpu, page, request);
    }
    emulated_guest_end_if_off(cpu);
    bql_unlock();
}

static void do_ap_creation(EmulatedCpu *cpu, void *page,
                           const struct ghcb_request *request)
{
    uint32_t what = request->info1 & 0xffff;
    uint32_t apic_id = request->info1 >> 32;
    bool ok;

    switch (what) {
    case AP_CREATE:
    case AP_CREATE_ON_INIT:
        ok = snp_start_cpu(cpu->guest, apic_id, request->info2);
        break;
    case AP_DESTROY:
        ok = snp_stop_cpu(cpu->guest, apic_id);
        break;
    default:
        ok = false;
    }
    if (ok) {
        ghcb_answer_begin(page);
    } else {
        ghcb_answer_error(page, GHCB_ERROR_INVALID_INPUT);
    }
}

static void handle(EmulatedCpu *cpu, void *page,
                   const struct ghcb_request *request, uint32_t insn_len,
                   uintptr_t retaddr)
{
    switch (request->exit) {
    case GHCB_EXIT_CPUID:
        do_cpuid(cpu, page, request);
        break;
    case GHCB_EXIT_MSR:
        do_msr(cpu, page, request);
        break;
    case GHCB_EXIT_IOIO:
    case GHCB_EXIT_MMIO_READ:
    case GHCB_EXIT_MMIO_WRITE:
        do_device(cpu, page, request);
        break;
    case GHCB_EXIT_HLT:
    case GHCB_EXIT_AP_RESET_HOLD:
        ghcb_answer_begin(page);
        host_halt(cpu, insn_len);
    case GHCB_EXIT_AP_CREATION:
        do_ap_creation(cpu, page, request);
        break;
    case GHCB_EXIT_HV_FEATURES:
        ghcb_answer_begin(page);
        ghcb_answer_info2(page, SNP_HV_FEATURES_DEFAULT);
        break;
    case GHCB_EXIT_TERMINATE:
        terminate(cpu, request->info1 & 0xf, request->info1 >> 4, retaddr);
    case GHCB_EXIT_RDPMC:
        ghcb_answer_begin(page);
        ghcb_answer_rax(page, 0);
        ghcb_answer_rdx(page, 0);
        break;
    case GHCB_EXIT_WBINVD:
    case GHCB_EXIT_INVD:
    case GHCB_EXIT_MONITOR:
    case GHCB_EXIT_MWAIT:
    case GHCB_EXIT_NMI_COMPLETE:
    case GHCB_EXIT_READ_DR7:
    case GHCB_EXIT_WRITE_DR7:
        ghcb_answer_begin(page);
        break;
    default:
        qemu_log_mask(LOG_UNIMP, "VMGEXIT: exit code 0x%x\n", request->exit);
        ghcb_answer_error(page, GHCB_ERROR_INVALID_EVENT);
    }
}

static void page_protocol(EmulatedCpu *cpu, uint64_t gpa, uint32_t insn_len,
                          uintptr_t retaddr)
{
    void *page = emulated_guest_ram(cpu->guest, gpa, GHCB_SIZE);
    struct ghcb_request request;
    struct access_fault fault = { };
    enum ghcb_outcome outcome;

    outcome = snp_ghcb_page(snp_enter(cpu, 0), cpu->index, gpa, page,
                            &request);
    snp_leave(cpu);
    switch (outcome) {
    case GHCB_HANDLED:
        break;
    case GHCB_REQUEST:
        handle(cpu, page, &request, insn_len, retaddr);
        break;
    case GHCB_BROKEN:
        fault.stop = request.stop;
        guest_stop(cpu, gpa, &fault, ACCESS_INSTRUCTION, false, retaddr);
    }
}

void snp_vmgexit(EmulatedCpu *cpu, uint32_t insn_len, uintptr_t retaddr)
{
    struct ghcb_msr_answer answer = { };

    snp_ghcb_msr(snp_enter(cpu, 0), cpu->index, snp_vcpu(cpu)->ghcb_msr,
                 &answer);
    snp_leave(cpu);
    switch (answer.action) {
    case GHCB_MSR_RESUME:
        snp_vcpu(cpu)->ghcb_msr = answer.msr;
        break;
    case GHCB_MSR_PAGE:
        page_protocol(cpu, snp_vcpu(cpu)->ghcb_msr, insn_len, retaddr);
        break;
    case GHCB_MSR_TERMINATE:
        terminate(cpu, answer.set, answer.reason, retaddr);
    case GHCB_MSR_AP_RESET_HOLD:
        snp_vcpu(cpu)->ghcb_msr = answer.msr;
        host_halt(cpu, insn_len);
    }
}
