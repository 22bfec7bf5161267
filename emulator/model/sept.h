/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The secure EPT of an Intel TDX guest as a pure state machine: the entry
 * states, the host's TDH.MEM.* leaves, and the guest's TDG.MEM.PAGE.ACCEPT.
 * semantics.md 2.2-2.6.
 *
 * Two levels are kept: the 2M entry of every unit and, where that is a table,
 * its 512 page entries. Zero is FREE, so that zeroed memory is an empty tree
 * and memory without an access costs nothing. GPA g is always backed by
 * host page g.
 */
#ifndef ACCEPTLAB_SEPT_H
#define ACCEPTLAB_SEPT_H

#include <stdint.h>

#include "access.h"

/* Order is ours (zero must be FREE); sept_encoding() and sept_api_code() give the module's. */
enum sept_state {
	SEPT_FREE = 0,
	SEPT_REMOVED,
	SEPT_NL_MAPPED,
	SEPT_NL_BLOCKED,
	SEPT_MAPPED,
	SEPT_BLOCKED,
	SEPT_BLOCKEDW,
	SEPT_PENDING,
	SEPT_PENDING_BLOCKED,
	SEPT_PENDING_BLOCKEDW,
	SEPT_EXPORTED_BLOCKEDW,
	SEPT_EXPORTED_DIRTY,
	SEPT_EXPORTED_DIRTY_BLOCKEDW,
	SEPT_PENDING_EXPORTED_BLOCKEDW,
	SEPT_PENDING_EXPORTED_DIRTY,
	SEPT_PENDING_EXPORTED_DIRTY_BLOCKEDW,
	SEPT_STATES,
};

enum sept_level { SEPT_4K = 0, SEPT_2M = 1, SEPT_1G = 2 };

enum sept_flag {
	SEPT_STALE = 1u << 0,	/* was accessible or shared before: zero it on accept */
};

struct sept_page {
	uint8_t state;		/* enum sept_state */
	uint8_t flags;		/* enum sept_flag */
	uint16_t epoch;		/* TD epoch at the last BLOCK */
};

struct sept_unit {
	uint8_t state;
	uint8_t flags;
	uint16_t epoch;
	uint16_t accept_counter;	/* 4K pages of an interrupted 2M accept */
	uint16_t reserved;
};

struct sept {
	uint64_t units;
	struct sept_unit *unit;
	struct sept_page *page;
	uint16_t epoch;		/* moved on by MEM.TRACK */
	uint8_t running;	/* finalised: the TD may run */
};

/* Completion status, bits 63:32; 31:0 hold the operand or level (semantics.md 2.1.4) */
#define TDX_SUCCESS 0ull
#define TDX_OPERAND_INVALID 0xc000010000000000ull
#define TDX_OPERAND_BUSY 0x8000020000000000ull
#define TDX_HOST_PRIORITY_BUSY_TIMEOUT 0x9000020500000000ull
#define TDX_OP_STATE_INCORRECT 0xc000060800000000ull
#define TDX_PAGE_NOT_FREE 0xc000030300000000ull
#define TDX_NO_VE_INFO 0xc000070400000000ull
#define TDX_PAGE_ALREADY_ACCEPTED 0x00000b0a00000000ull
#define TDX_EPT_WALK_FAILED 0xc0000b0000000000ull
#define TDX_EPT_ENTRY_FREE 0xc0000b0100000000ull
#define TDX_EPT_ENTRY_NOT_FREE 0xc0000b0200000000ull
#define TDX_GPA_RANGE_NOT_BLOCKED 0xc0000b0600000000ull
#define TDX_GPA_RANGE_ALREADY_BLOCKED 0x00000b0700000000ull
#define TDX_TLB_TRACKING_NOT_DONE 0xc0000b0800000000ull
#define TDX_EPT_INVALID_PROMOTE_CONDITIONS 0xc0000b0900000000ull
#define TDX_PAGE_SIZE_MISMATCH 0xc0000b0b00000000ull
#define TDX_EPT_ENTRY_STATE_INCORRECT 0xc0000b0d00000000ull
#define TDX_METADATA_FIELD_ID_INCORRECT 0xc0000c0000000000ull
#define TDX_METADATA_FIELD_NOT_WRITABLE 0xc0000c0100000000ull
#define TDX_METADATA_FIELD_VALUE_NOT_VALID 0xc0000c0300000000ull
#define TDX_METADATA_FIRST_FIELD_ID 0x00000c0b00000000ull

/* Operand ids of the status: registers by their usual number */
enum tdx_operand {
	TDX_OPERAND_RAX = 0,
	TDX_OPERAND_RCX = 1,
	TDX_OPERAND_RDX = 2,
	TDX_OPERAND_R8 = 8,
	TDX_OPERAND_R9 = 9,
};

/* Extended exit qualification types (semantics.md 2.3) */
enum tdx_eeq {
	TDX_EEQ_NONE = 0,
	TDX_EEQ_ACCEPT = 1,
	TDX_EEQ_GPA_DETAILS = 2,
	TDX_EEQ_MSR_LOAD = 3,
	TDX_EEQ_XSTATE_LOAD = 4,
	TDX_EEQ_ATTR_WR = 5,
	TDX_EEQ_PENDING = 6,
};
#define VMX_EXIT_EPT_VIOLATION 48u

uint8_t sept_encoding(enum sept_state state);
uint16_t sept_api_code(enum sept_state state);
const char *sept_state_name(enum sept_state state);
int sept_is_accessible(enum sept_state state);	/* leaf that the guest can (mostly) use */
int sept_is_acceptable(enum sept_state state);	/* PENDING, PENDING_EXPORTED_DIRTY */

/* Host's leaves. level: enum sept_level of the entry. Return: completion status. */
uint64_t sept_sept_add(struct sept *sept, uint64_t gpa);
uint64_t sept_page_add(struct sept *sept, uint64_t gpa);	/* 4K, before it runs */
uint64_t sept_page_aug(struct sept *sept, uint64_t gpa, unsigned int level, uint64_t hpa);
uint64_t sept_range_block(struct sept *sept, uint64_t gpa, unsigned int level);
uint64_t sept_range_unblock(struct sept *sept, uint64_t gpa, unsigned int level);
uint64_t sept_track(struct sept *sept);
uint64_t sept_page_remove(struct sept *sept, uint64_t gpa, unsigned int level);
uint64_t sept_page_demote(struct sept *sept, uint64_t gpa);
uint64_t sept_page_promote(struct sept *sept, uint64_t gpa);
/* What the migration leaves (EXPORT...) leave behind, and nothing else of them */
void sept_set_state(struct sept *sept, uint64_t gpa, unsigned int level, enum sept_state state);

/* Guest's side */
enum sept_accept {
	SEPT_ACCEPT_STATUS = 0,	/* RAX = status, RIP goes on */
	SEPT_ACCEPT_EXIT = 1,	/* TD exit, EPT violation, RIP stays */
	SEPT_ACCEPT_ZERO = 2,	/* PENDING: zero the page at *zero, then sept_accept_page_done() */
};

/* Cases 2 to 8 (semantics.md 2.2.2-2.2.8); locked: case 4 (semantics.md 2.2.4). */
enum sept_accept sept_accept(const struct sept *sept, uint64_t gpa, unsigned int level,
			     int locked, uint64_t *status, uint64_t *exit_info);
/*
 * One 4K page of the accept is zero. Returns 1 when the accept is complete and
 * the entry accessible, 0 while pages of a 2M entry are missing.
 */
int sept_accept_page_done(struct sept *sept, uint64_t gpa, unsigned int level);
/* First page that a 2M accept has still to zero */
uint64_t sept_accept_next(const struct sept *sept, uint64_t gpa, unsigned int level);

/*
 * RELEASE (semantics.md 2.11): the MAPPED leaf at that level becomes PENDING. locked: the
 * entry is busy. Returns the completion status; *mapped: level of the entry that maps gpa,
 * *pending: 1 if it is PENDING.
 */
uint64_t sept_release(struct sept *sept, uint64_t gpa, unsigned int level, int locked,
		      unsigned int *mapped, int *pending);

enum sept_outcome {
	SEPT_ALLOWED = 0,
	SEPT_VE = 1,		/* pending, #VE for it is on */
	SEPT_EXIT = 2,		/* TD exit, EPT violation */
};
enum sept_outcome sept_access(const struct sept *sept, uint64_t gpa, enum access_kind kind,
			      int pending_ve_disable, uint64_t *exit_info);

/* The entry that maps gpa, and its level */
enum sept_state sept_walk(const struct sept *sept, uint64_t gpa, unsigned int *level);

#endif
