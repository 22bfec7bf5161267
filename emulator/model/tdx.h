/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An Intel TDX guest's memory: the secure EPT (sept.h), the module's calls
 * (tdcall.h) and the host behind them (tdx_host.h). This is what an emulator
 * embeds. No locking: one call at a time. Use as snp.h says for snp_vm.
 *
 * Guest-physical addresses never carry the SHARED bit, except where a register
 * of the guest is meant.
 */
#ifndef ACCEPTLAB_TDX_H
#define ACCEPTLAB_TDX_H

#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "attack.h"
#include "ops.h"
#include "page_run.h"
#include "sept.h"
#include "tdcall.h"

struct tdx_vm;

struct tdx_config {
	uint64_t top;		/* end of guest-physical memory, at most 2^(gpaw - 1) */
	uint64_t attributes;	/* TDX_ATTR_* */
	uint64_t config_flags;	/* TDX_CONFIG_*, but for GPAW; those that the module knows */
	uint64_t map_gpa_chunk;	/* bytes (whole pages) per MapGPA call before RETRY; 0: all */
	uint32_t gpaw;		/* 48 or 52 */
	uint32_t vcpus;		/* at most TDX_VCPUS_MAX */
	uint32_t busy_limit;	/* BUSY answers in a row before the TD exits; 0: 1000 */
	uint8_t backing_4k;
	uint8_t assign_advance;
	uint8_t module;		/* enum tdx_module_version */
	uint8_t topology_configured;	/* the host gave every vCPU its x2APIC id */
	uint8_t shared_access;	/* enum tdx_shared_access */
	uint8_t in_place;	/* content survives a conversion; 0: it is lost */
	uint8_t implicit;	/* the host makes a shared page private at a private access */
	uint8_t reserved[5];
};

/* What a host makes of a shared access to a private page of RAM (semantics.md 2.10) */
enum tdx_shared_access {
	TDX_SHARED_STOPS = 0,	/* an EPT violation that it does not resolve: fatal exit */
	TDX_SHARED_VE = 1,	/* its entry has the suppress-#VE bit clear: #VE */
	TDX_SHARED_CONVERTS = 2,	/* it makes the page shared: implicit conversion */
	TDX_SHARED_ACCESSES
};

/* What the public text of 1.5.06 describes, and that with what Linux knows of later ones */
enum tdx_module_version { TDX_MODULE_1_5 = 0, TDX_MODULE_2_0 = 1, TDX_MODULES };

#define TDX_VCPUS_MAX 256
#define TDX_ATTR_DEBUG (1ull << 0)
#define TDX_ATTR_SEPT_VE_DISABLE (1ull << 28)
#define TDX_ATTR_MIGRATABLE (1ull << 29)
#define TDX_ATTR_PKS (1ull << 30)
#define TDX_ATTR_KL (1ull << 31)
#define TDX_ATTR_PERFMON (1ull << 63)
#define TDX_CONFIG_GPAW (1ull << 0)
#define TDX_CONFIG_FLEXIBLE_PENDING_VE (1ull << 1)
#define TDX_CONFIG_NO_RBP_MOD (1ull << 2)
#define TDX_CONFIG_PAGE_RELEASE (1ull << 6)
#define TDX_TD_CTLS_PENDING_VE_DISABLE (1ull << 0)
#define TDX_TD_CTLS_ENUM_TOPOLOGY (1ull << 1)
#define TDX_TD_CTLS_VIRT_CPUID2 (1ull << 2)
#define TDX_TD_CTLS_REDUCE_VE (1ull << 3)

size_t tdx_vm_bytes(const struct tdx_config *config);
struct tdx_vm *tdx_vm_init(void *memory, const struct tdx_config *config,
			   const struct model_ops *ops);
int tdx_vm_add_ram(struct tdx_vm *vm, uint64_t gpa, uint64_t size);
/* MEM.PAGE.ADD (or accepted by firmware): MAPPED. */
int tdx_vm_launch(struct tdx_vm *vm, uint64_t gpa, uint64_t size);
int tdx_vm_share(struct tdx_vm *vm, uint64_t gpa, uint64_t size);
/* Finalises the TD; with assign_advance the host AUGs the rest now (one event per range). */
int tdx_vm_start(struct tdx_vm *vm);

/*
 * Memory comes and goes while the guest runs: [gpa, gpa + size), whole units below top, becomes
 * RAM as with tdx_vm_add_ram(), or is RAM no more, whatever the guest made of its pages. keep: a
 * malicious host's pages stay what the guest made of them, and are there at the next plug.
 */
int tdx_vm_plug(struct tdx_vm *vm, uint64_t gpa, uint64_t size);
int tdx_vm_unplug(struct tdx_vm *vm, uint64_t gpa, uint64_t size, int keep);

/* --- accesses ------------------------------------------------------------- */

/*
 * Final verdict after the host did what it could: ALLOWED, GUEST_FAULT (#VE,
 * fault->ve is filled but for length and info), RESERVED (#PF), STOPPED, MMIO
 * (shared, no RAM: the caller makes the #VE). GPA bits above the width: RESERVED.
 * Reads of a write-blocked page: an ALLOWED read says nothing about writes.
 */
enum access_verdict tdx_access(struct tdx_vm *vm, unsigned int vcpu,
			       const struct access *access,
			       struct access_fault *fault);
/* 1 if a device or the host may access all of it (shared RAM) */
int tdx_host_may_access(const struct tdx_vm *vm, uint64_t gpa, uint64_t size);

/* --- #VE ------------------------------------------------------------------ */

enum tdx_raise { TDX_RAISE_VE = 0, TDX_RAISE_DOUBLE_FAULT = 1 };
/* Stores the VE information of the vCPU; #DF when the last one was not fetched. */
enum tdx_raise tdx_raise_ve(struct tdx_vm *vm, unsigned int vcpu,
			    const struct ve_info *info);

/* --- TDCALL --------------------------------------------------------------- */

enum tdx_outcome {
	TDX_DONE = 0,		/* registers are set, RIP goes on */
	TDX_INTERRUPTED = 1,	/* take the interrupt; RIP and registers stay, the call resumes */
	TDX_GP = 2,		/* #GP(0) */
	TDX_STOPPED = 3,	/* TD exit that the host does not resolve: answer->fault */
	TDX_VMCALL = 4,		/* decoded in answer->vmcall: act, then tdx_vmcall_return() */
	TDX_FAULT_VE = 5,	/* an operand buffer is pending or MMIO: #VE, see answer->fault.ve */
};

struct tdx_caller {
	uint16_t vcpu;
	uint8_t cpl;
	uint8_t long_mode;	/* 1: 64-bit mode */
};

struct tdx_answer {
	uint64_t gpa;		/* STOPPED, FAULT_VE: the page in question */
	uint32_t exits;		/* times the host was entered on the way */
	uint32_t shared;	/* 1: gpa had the SHARED bit */
	struct access_fault fault;
	struct tdx_vmcall vmcall;
};

/*
 * The whole TDCALL instruction: every leaf. regs are in the order of the
 * instruction encoding (RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8-R15).
 * PAGE.ACCEPT and MapGPA are complete in here; other VMCALLs come back decoded.
 */
enum tdx_outcome tdx_tdcall(struct tdx_vm *vm, const struct tdx_caller *caller,
			    struct tdx_regs *regs, struct tdx_answer *answer);
/* PAGE.ACCEPT alone, as tdx_tdcall() does it; rcx: its operand, *rax: its status */
enum tdx_outcome tdx_page_accept(struct tdx_vm *vm, unsigned int vcpu, uint64_t rcx,
				 uint64_t *rax, struct tdx_answer *answer);

/* --- what is known -------------------------------------------------------- */

enum page_state tdx_vm_page_state(const struct tdx_vm *vm, uint64_t gpa);
int tdx_vm_describe(const struct tdx_vm *vm, uint64_t gpa, char *text, size_t size);
int tdx_vm_next_run(const struct tdx_vm *vm, uint64_t *cursor, struct page_run *run);
uint64_t tdx_vm_accepted_bytes(const struct tdx_vm *vm);
enum sept_state tdx_vm_sept_state(const struct tdx_vm *vm, uint64_t gpa, unsigned int *level);
/* mask of the SHARED bit, 1 << (gpaw - 1) */
uint64_t tdx_vm_shared_bit(const struct tdx_vm *vm);
/* 1 if the guest lets the module enumerate the topology (semantics.md 2.9.2, 2.9.4) */
int tdx_vm_enumerates_topology(const struct tdx_vm *vm);

/* --- attacks: each emits EVENT_ATTACK -------------------------------------- */

int tdx_attack_remove_aug(struct tdx_vm *vm, uint64_t gpa);	/* 4K page: PENDING again */
int tdx_attack_remove(struct tdx_vm *vm, uint64_t gpa);	/* 4K page, never comes back */
int tdx_attack_block(struct tdx_vm *vm, uint64_t gpa);	/* the leaf that maps gpa */
/* From now on MapGPA leaves this accepted 4K page where it is while gpa is shared; once only */
int tdx_attack_keep(struct tdx_vm *vm, uint64_t gpa);
/* The next count accepts answer BUSY / MapGPA calls answer RETRY with no progress */
int tdx_attack_busy(struct tdx_vm *vm, uint32_t count);
int tdx_attack_retry(struct tdx_vm *vm, uint32_t count);
/* Of the last of these two: calls that it has yet to disturb; 0 for other acts */
uint32_t tdx_attack_left(const struct tdx_vm *vm, enum attack attack);

#endif
