/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The reverse map table (RMP) of AMD SEV-SNP as a pure state machine: what the
 * processor does, with no opinion of its own about what a host should do.
 * semantics.md 1.1-1.6 (APM Vol 2 15.36).
 *
 * The table is indexed by system physical address. A unit (2M of system
 * memory) is either one 2M entry, or 512 page entries, or unused: all zero
 * means owned by the hypervisor, so that zeroed memory is a valid empty table
 * and memory without an access costs nothing.
 */
#ifndef ACCEPTLAB_RMP_H
#define ACCEPTLAB_RMP_H

#include <stdint.h>

#include "access.h"

#define VMPL_LEVELS 4

enum rmp_flag {
	RMP_ASSIGNED = 1u << 0,
	RMP_VALIDATED = 1u << 1,
	RMP_VMSA = 1u << 2,
	RMP_IMMUTABLE = 1u << 3,
	RMP_SIZE_2M = 1u << 4,	/* unit entries only: the entry covers the unit */
	RMP_SPLIT = 1u << 5,	/* unit entries only: look at the pages */
};

struct rmp_entry {
	uint64_t gpa_flags;	/* GPA [63:12], enum rmp_flag [11:0] */
	uint32_t asid;		/* owner; 0 is the hypervisor or the AMD-SP */
	uint8_t perms[VMPL_LEVELS];	/* enum rmp_perm */
};

enum rmp_perm {
	RMP_PERM_READ = 1u << 0,
	RMP_PERM_WRITE = 1u << 1,
	RMP_PERM_USER_EXECUTE = 1u << 2,
	RMP_PERM_SUPERVISOR_EXECUTE = 1u << 3,
	RMP_PERM_SHADOW_STACK = 1u << 4,
	RMP_PERM_ALL = 0x1f,
};

struct rmp_table {
	uint64_t units;		/* size of the covered system memory / 2M */
	struct rmp_entry *unit;
	struct rmp_entry *page;
};

/* Codes in EAX (EDK2 BaseLib.h; RMPUPDATE and PSMASH: Linux virt/svm/sev.c) */
enum rmp_code {
	RMP_SUCCESS = 0,
	RMP_FAIL_INPUT = 1,
	RMP_FAIL_PERMISSION = 2,
	RMP_FAIL_IN_USE = 3,
	RMP_FAIL_OVERLAP = 4,
	RMP_FAIL_SIZE_MISMATCH = 6,
};

/* EXITINFO1[38:31] of a nested page fault, shifted down by 31 */
enum npf_bit {
	NPF_RMP = 1u << 0,
	NPF_FINAL = 1u << 1,
	NPF_PAGE_TABLE = 1u << 2,
	NPF_ENC = 1u << 3,	/* the access was private */
	NPF_SIZEM = 1u << 4,
	NPF_VMPL = 1u << 5,
	NPF_SHADOW_STACK = 1u << 6,
};

#define VC_NOT_VALIDATED 0x404u	/* PAGE_NOT_VALIDATED: error code of the #VC */

/* What an instruction or access of the guest runs into */
enum rmp_outcome {
	RMP_DONE = 0,		/* instruction: code and carry are set */
	RMP_NPF = 1,		/* #VMEXIT(NPF), npf has the bits */
	RMP_NOT_VALIDATED = 2,	/* #VC 0x404 */
	RMP_CIPHERTEXT = 3,	/* C=0 read of a guest-owned page */
};

struct rmp_result {
	enum rmp_outcome outcome;
	uint32_t code;		/* enum rmp_code */
	uint32_t npf;		/* enum npf_bit */
	uint8_t carry;
};

/* The requester: the translation under which the processor came to the entry */
struct rmp_key {
	uint64_t spa;		/* system address that the nested tables give */
	uint64_t gpa;		/* guest address that was translated */
	uint32_t asid;
	uint8_t nested_2m;	/* nested mapping is 2M */
};

/* Sixteen bytes of RMPUPDATE, unpacked; all fields zero: give to the hypervisor */
struct rmp_state {
	uint64_t gpa;
	uint32_t asid;
	uint8_t assigned;
	uint8_t size_2m;
	uint8_t immutable;
};

void rmp_pvalidate(struct rmp_table *rmp, const struct rmp_key *key,
		   int size_2m, int validate, struct rmp_result *result);
/* vmpl: the caller's; target and attributes: RDX of the instruction */
void rmp_rmpadjust(struct rmp_table *rmp, const struct rmp_key *key,
		   unsigned int vmpl, int size_2m, uint64_t attributes,
		   struct rmp_result *result);
void rmp_access(const struct rmp_table *rmp, const struct rmp_key *key,
		const struct access *access, struct rmp_result *result);
enum rmp_code rmp_update(struct rmp_table *rmp, uint64_t spa,
			 const struct rmp_state *state);
enum rmp_code rmp_psmash(struct rmp_table *rmp, uint64_t spa);
/* SNP_LAUNCH_UPDATE by the AMD-SP: assigned and validated at once */
enum rmp_code rmp_launch(struct rmp_table *rmp, uint64_t spa,
			 const struct rmp_state *state);

/* The entry as RMPREAD would show it: a page of a 2M entry has its own GPA. */
struct rmp_entry rmp_read(const struct rmp_table *rmp, uint64_t spa);

#endif
