/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An SEV-SNP guest's memory: the RMP (rmp.h), the host behind it (snp_host.h)
 * and the protocols between them (ghcb.h, psc.h). This is what an emulator
 * embeds. No locking: one call at a time.
 *
 *	vm = snp_vm_init(zeroed memory of snp_vm_bytes(), &config, &ops);
 *	snp_vm_add_ram(), snp_vm_launch(), snp_vm_share() ...; snp_vm_start();
 *
 * All functions that return int give 0, or -1 if the arguments make no sense.
 * Guest-physical addresses never carry the C-bit.
 */
#ifndef ACCEPTLAB_SNP_H
#define ACCEPTLAB_SNP_H

#include <stddef.h>
#include <stdint.h>

#include "access.h"
#include "attack.h"
#include "ghcb.h"
#include "ops.h"
#include "page_run.h"
#include "rmp.h"

struct snp_vm;

struct snp_config {
	uint64_t top;		/* end of guest-physical memory, bytes, at most 2^48 */
	uint32_t asid;		/* not 0 */
	uint32_t vcpus;		/* at most SNP_VCPUS_MAX */
	uint8_t backing_4k;	/* host backs with 4K pages only; 0: with 2M where it can */
	uint8_t assign_advance;	/* host assigns before it must; 0: when the guest needs it */
	uint8_t in_place;	/* content survives a conversion; 0: it is lost */
	uint8_t c_bit;		/* position, for SEV_INFO; 51 */
	uint8_t implicit;	/* the host converts a page at an access of the other kind */
	uint8_t reserved[3];
	uint32_t psc_entries_per_exit;	/* host's limit per VMGEXIT; 0: none */
	uint64_t hv_features;	/* bits of GHCB MSR 0x081; 0: SNP and AP creation (3) */
	uint64_t preferred_ghcb_gpa;	/* 0: no preference */
};

#define SNP_VCPUS_MAX 256
#define SNP_HV_FEATURES_DEFAULT 3ull

/* Bytes of zeroed memory that a guest needs (most of it never accessed); 0: bad config */
size_t snp_vm_bytes(const struct snp_config *config);
/* memory: zeroed, 16-byte aligned, snp_vm_bytes() long, the caller's. ops is copied. */
struct snp_vm *snp_vm_init(void *memory, const struct snp_config *config,
			   const struct model_ops *ops);
/* [gpa, gpa + size) is RAM: private, not assigned. */
int snp_vm_add_ram(struct snp_vm *vm, uint64_t gpa, uint64_t size);
/* SNP_LAUNCH_UPDATE: assigned and validated. */
int snp_vm_launch(struct snp_vm *vm, uint64_t gpa, uint64_t size);
/* Owned by the host, shared, at boot handoff. */
int snp_vm_share(struct snp_vm *vm, uint64_t gpa, uint64_t size);
/*
 * Last call before the guest runs: with assign_advance the host assigns now (one
 * event per range).
 */
int snp_vm_start(struct snp_vm *vm);

/*
 * Memory comes and goes while the guest runs: [gpa, gpa + size), whole units below top, becomes
 * RAM as with snp_vm_add_ram(), or is RAM no more, whatever the guest made of its pages. keep: a
 * malicious host's pages stay what the guest made of them, and are there at the next plug.
 */
int snp_vm_plug(struct snp_vm *vm, uint64_t gpa, uint64_t size);
int snp_vm_unplug(struct snp_vm *vm, uint64_t gpa, uint64_t size, int keep);
/* After an unplug with keep: of the unit of gpa, the page at gpa alone stays what it was. */
void snp_vm_drop_others(struct snp_vm *vm, uint64_t gpa);

/* --- accesses ------------------------------------------------------------- */

/*
 * Resolves nested page faults through the host (assigns, splits) and gives the
 * final verdict: ALLOWED, CIPHERTEXT, MMIO, GUEST_FAULT (#VC 0x404) or STOPPED.
 * An allowed verdict holds for the whole 4K page and for this kind of access.
 */
enum access_verdict snp_access(struct snp_vm *vm, unsigned int vcpu,
			       const struct access *access,
			       struct access_fault *fault);
/* The same for a device or the host itself: 1 if it may access the page (shared). */
int snp_host_may_access(const struct snp_vm *vm, uint64_t gpa, uint64_t size);

/* --- PVALIDATE, RMPADJUST ------------------------------------------------- */

enum snp_outcome {
	SNP_DONE = 0,		/* EAX and CF are set, RIP goes on */
	SNP_UD = 1,
	SNP_GP = 2,		/* #GP(0) */
	SNP_NOT_VALIDATED = 3,	/* #VC 0x404 (RMPADJUST) */
	SNP_STOPPED = 4,	/* fault says why */
	SNP_WALK = 5,		/* operands are fine: translate RAX, then call on */
};

struct snp_caller {
	uint16_t vcpu;
	uint8_t cpl;
	uint8_t vmpl;
};

struct snp_answer {
	uint32_t eax;		/* enum rmp_code */
	uint8_t carry;		/* CF after PVALIDATE; RMPADJUST leaves CF alone */
	uint8_t reserved[3];
	uint32_t exits;		/* times the host was entered on the way */
	uint32_t reserved2;
	struct access_fault fault;
};

/*
 * First half: everything that hardware checks before it walks the guest's page
 * tables. SNP_WALK: translate gva (as for a one-byte private read; the walk's
 * own #PF comes before the second half), then call the second half. Of EDX only
 * bit 0 is an operand (Linux passes a C bool: the rest is left as it was). An
 * instruction that ends here was never translated: its event has gpa and size 0.
 */
enum snp_outcome snp_pvalidate_operands(struct snp_vm *vm,
					const struct snp_caller *caller,
					uint64_t rax, uint32_t ecx, uint32_t edx,
					struct snp_answer *answer);
/* Second half; emits the accept or rescind event when the outcome is SNP_DONE. */
enum snp_outcome snp_pvalidate(struct snp_vm *vm, const struct snp_caller *caller,
			       uint64_t gpa, uint32_t ecx, uint32_t edx,
			       struct snp_answer *answer);
enum snp_outcome snp_rmpadjust_operands(struct snp_vm *vm,
					const struct snp_caller *caller,
					uint64_t rax, uint64_t rcx, uint64_t rdx,
					struct snp_answer *answer);
enum snp_outcome snp_rmpadjust(struct snp_vm *vm, const struct snp_caller *caller,
			       uint64_t gpa, uint64_t rcx, uint64_t rdx,
			       struct snp_answer *answer);

/* --- GHCB ----------------------------------------------------------------- */

/* VMGEXIT with this value in the GHCB MSR; answer->action says what to do. */
void snp_ghcb_msr(struct snp_vm *vm, unsigned int vcpu, uint64_t request,
		  struct ghcb_msr_answer *answer);
/*
 * VMGEXIT with the GPA of a GHCB page in the MSR; page: that page's 4096 bytes.
 * GHCB_HANDLED: answered (a PSC, or bad input: the codes are in the page).
 * GHCB_REQUEST: the caller handles request and answers with ghcb_answer*().
 * GHCB_BROKEN: the host can't use the page: fatal exit (request->stop).
 * Page may be NULL when gpa is no RAM.
 */
enum ghcb_outcome snp_ghcb_page(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa,
				void *page, struct ghcb_request *request);
/* 1 if the 4K page is a valid save area (RMPADJUST with the VMSA bit) */
int snp_vm_is_vmsa(const struct snp_vm *vm, uint64_t gpa);
/*
 * AP creation: the vCPU runs from the save area (VMSA) at gpa from now on, until it
 * is started from another one or destroyed. -1: the page is no save area, or
 * there is no such vCPU.
 */
int snp_vm_start_vcpu(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa);
void snp_vm_destroy_vcpu(struct snp_vm *vm, unsigned int vcpu);

/* --- what is known -------------------------------------------------------- */

/* enum page_state of the page as the guest has it */
enum page_state snp_vm_page_state(const struct snp_vm *vm, uint64_t gpa);
/* One line about the page for a report, as snprintf. */
int snp_vm_describe(const struct snp_vm *vm, uint64_t gpa, char *text, size_t size);
/* Runs of equal state over all RAM: *cursor 0 at first; 0 when there is none left. */
int snp_vm_next_run(const struct snp_vm *vm, uint64_t *cursor, struct page_run *run);
uint64_t snp_vm_accepted_bytes(const struct snp_vm *vm);
/* The RMP entry behind the page, as RMPREAD shows it */
struct rmp_entry snp_vm_rmp_entry(const struct snp_vm *vm, uint64_t gpa);

/* --- attacks: each emits EVENT_ATTACK -------------------------------------- */

/* Another system page backs the 4K page: assigned, not validated. -1: no spare page left */
int snp_attack_remap(struct snp_vm *vm, uint64_t gpa);
/* The system page that backed it first is back, with the state it had */
int snp_attack_remap_back(struct snp_vm *vm, uint64_t gpa);
/* The 4K page gets the system page of another GPA */
int snp_attack_alias(struct snp_vm *vm, uint64_t gpa, uint64_t other);
/* RMPUPDATE to the host, content lost; then back to the guest (reassign) or not */
int snp_attack_reassign(struct snp_vm *vm, uint64_t gpa);
int snp_attack_unassign(struct snp_vm *vm, uint64_t gpa);
/* The next count page state changes fail / give back a smaller cur_entry */
int snp_attack_psc_error(struct snp_vm *vm, uint32_t count);
int snp_attack_psc_rewind(struct snp_vm *vm, uint32_t count);
/* Of the last of these two: calls that it has yet to disturb; 0 for other acts */
uint32_t snp_attack_left(const struct snp_vm *vm, enum attack attack);

#endif
