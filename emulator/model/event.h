/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One acceptance event: what the models report to their observer, and, byte for
 * byte (little endian), what the emulator writes to a run's event stream.
 *
 * analysis/trace/schema.py describes the same record for the readers; a test holds
 * the two together.
 */
#ifndef ACCEPTLAB_EVENT_H
#define ACCEPTLAB_EVENT_H

#include <stdint.h>

#include "event_kinds.h"

enum event_kind {
#define EVENT_CONSTANT(number, NAME, name) EVENT_##NAME = number,
	EVENT_KINDS(EVENT_CONSTANT)
#undef EVENT_CONSTANT
};

/* Bits 7..0 of the detail of EVENT_CONVERT */
enum convert_to { CONVERT_PRIVATE = 1, CONVERT_SHARED = 2 };
/* Bit 8: no request of the guest's; the host converted at an access (implicit conversion) */
#define CONVERT_IMPLICIT (1u << 8)

enum stage {
	STAGE_FIRMWARE = 0,	/* before the guest's first instruction */
	STAGE_DECOMPRESSOR = 1,
	STAGE_KERNEL = 2,
	STAGE_USERSPACE = 3,	/* from the first instruction at CPL 3 on */
	STAGE_SECOND_DECOMPRESSOR = 4,	/* after a kexec */
	STAGE_SECOND_KERNEL = 5,
	STAGE_SECOND_USERSPACE = 6,
};

/*
 * detail of EVENT_FAULT and EVENT_STOP: bits 7..0 the access (enum access_kind),
 * bit 8 the address was private (C=1, SHARED=0), bits 23..16 how many bytes of
 * the access lie in the page before (0: none, or not known), bits 63..32 what
 * the platform reports (SNP: #VC error code or NPF EXITINFO1[38:31]; TDX: exit reason).
 * result: enum stop_reason for EVENT_STOP.
 */
enum access_kind {
	ACCESS_READ = 0,
	ACCESS_WRITE = 1,
	ACCESS_FETCH = 2,
	ACCESS_WALK = 3,
	ACCESS_INSTRUCTION = 4,	/* PVALIDATE, RMPADJUST, PAGE.ACCEPT themselves */
};
#define ACCESS_DETAIL_PRIVATE (1u << 8)
#define ACCESS_DETAIL_BEFORE_SHIFT 16

enum stop_reason {
	STOP_NONE = 0,
	STOP_NOT_ASSIGNED = 1,	/* private access, the host has the page as shared */
	STOP_NOT_RAM = 2,	/* private access to an address that is not RAM */
	STOP_SHARED_ACCESS = 3,	/* shared access to a page that the guest owns */
	STOP_OWNER = 4,		/* wrong ASID or GPA, immutable page */
	STOP_VMPL = 5,		/* VMPL permissions forbid the access */
	STOP_PENDING = 6,	/* TDX: not accepted, and #VE for it is disabled */
	STOP_BLOCKED = 7,	/* TDX: blocked or removed by the host for good */
	STOP_NO_PROGRESS = 8,	/* the host gave up resolving the same exit, or the guest only faults */
	STOP_HANDLER = 9,	/* the guest broke the GHCB or TDCALL protocol */
	STOP_TRIPLE_FAULT = 10,
	STOP_SAVE_AREA = 11,	/* SNP: save area (VMSA) of a vCPU that runs */
};

/* How sure the caller of an event is (emulator/qemu/callers.c) */
enum caller_how {
	CALLER_NOT_KNOWN = 0,	/* nobody said, or caller is 0 */
	CALLER_EXACT = 1,	/* the return address of a call that begins here */
	CALLER_BY_CALL = 2,	/* behind a CALL of a function that only carries an accept out */
	CALLER_BY_SCAN = 3,	/* behind some CALL: the frame may be an old one */
	CALLER_GUESS = 4,	/* an address in the kernel's text, and no call returns to it */
};

#define EVENT_NO_CARRY 0xff

struct acc_event {
	uint64_t seq;		/* 0, 1, 2 ... without a gap */
	uint64_t clock;		/* instructions (icount) or ns: run.json says which */
	uint64_t gpa;
	uint64_t size;		/* bytes */
	uint64_t result;	/* EAX, RAX or status; 0 is success */
	uint64_t rip;
	uint64_t caller;	/* return address of the function at rip, best effort */
	uint64_t detail;
	uint16_t vcpu;
	uint8_t kind;		/* enum event_kind */
	uint8_t stage;		/* enum stage */
	uint8_t carry;		/* 0, 1 or EVENT_NO_CARRY */
	uint8_t caller_how;	/* enum caller_how */
	uint8_t reserved[2];
};

#endif
