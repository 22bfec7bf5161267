/* SPDX-License-Identifier: GPL-2.0-only */
/* The emulated TDX guest: what its source files share. */
#ifndef ACCEPTLAB_TDX_GUEST_H
#define ACCEPTLAB_TDX_GUEST_H

#include "guest.h"
#include "model/tdx.h"

#define TYPE_TDX_EMULATED "tdx-emulated"
OBJECT_DECLARE_SIMPLE_TYPE(TdxGuest, TDX_EMULATED)

#define TDX_GPAW 48             /* guest-physical address width */
#define TDX_SHARED_BIT (TDX_GPAW - 1)
#define VE_VECTOR 20            /* #VE virtualization exception */

struct TdxGuest {
    EmulatedGuest parent_obj;
    bool pending_ve;            /* ATTRIBUTES.SEPT_VE_DISABLE clear */
    bool flexible_pending_ve;
    enum tdx_module_version module;
    enum tdx_shared_access shared_access;
    struct tdx_vm *vm;
    EmulatedCpu *acting;        /* vCPU on whose behalf the model runs */
    uintptr_t acting_retaddr;
    bool flush;                 /* some page lost access during the call */
};

/* Builds the model with the memory of the handoff (tdx-model.c). */
void tdx_start(EmulatedGuest *guest, Error **errp);
/* Saves or loads what the platform has (tdx-model.c). */
void tdx_state(EmulatedGuest *guest, StateStream *stream);
/* Every call into the model stands between these two (tdx-model.c). */
struct tdx_vm *tdx_enter(EmulatedCpu *cpu, uintptr_t retaddr);
void tdx_leave(EmulatedCpu *cpu);

/* Delivers #VE with its information, or #DF. */
G_NORETURN void tdx_raise(EmulatedCpu *cpu, const struct ve_info *info,
                          uintptr_t retaddr);

/* TDCALL (tdx-tdcall.c). */
void tdx_insn(EmulatedCpu *cpu, enum ConfidentialInsn insn, uint32_t insn_len,
              uintptr_t retaddr);

/* What a TD answers itself and what it reflects (tdx-reflect.c). */
void tdx_reflect(EmulatedCpu *cpu, uint32_t svm_exit, uint64_t info,
                 uint32_t insn_len, uintptr_t retaddr);
bool tdx_cpuid(EmulatedCpu *cpu);
bool tdx_rdmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t *value);
bool tdx_wrmsr(EmulatedCpu *cpu, uint32_t msr, uint64_t value);

#endif
