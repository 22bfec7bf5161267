/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wire format between an SEV-SNP guest and its host: the GHCB MSR and the
 * GHCB page. semantics.md 1.7 and 1.8 (Linux sev-common.h, svm.h, KVM
 * svm/sev.c). Only formats here; snp.h has the calls that act on them.
 */
#ifndef ACCEPTLAB_GHCB_H
#define ACCEPTLAB_GHCB_H

#include <stdint.h>

/* GHCB MSR (C001_0130): info codes in [11:0] */
enum ghcb_msr_info {
	GHCB_MSR_SEV_INFO_RESP = 0x001,
	GHCB_MSR_SEV_INFO_REQ = 0x002,
	GHCB_MSR_CPUID_REQ = 0x004,
	GHCB_MSR_CPUID_RESP = 0x005,
	GHCB_MSR_AP_RESET_HOLD_REQ = 0x006,
	GHCB_MSR_AP_RESET_HOLD_RESP = 0x007,
	GHCB_MSR_PREF_GPA_REQ = 0x010,
	GHCB_MSR_PREF_GPA_RESP = 0x011,
	GHCB_MSR_REG_GPA_REQ = 0x012,
	GHCB_MSR_REG_GPA_RESP = 0x013,
	GHCB_MSR_PSC_REQ = 0x014,
	GHCB_MSR_PSC_RESP = 0x015,
	GHCB_MSR_VMPL_REQ = 0x016,
	GHCB_MSR_VMPL_RESP = 0x017,
	GHCB_MSR_HV_FT_REQ = 0x080,
	GHCB_MSR_HV_FT_RESP = 0x081,
	GHCB_MSR_TERM_REQ = 0x100,
};

#define GHCB_VERSION_MIN 1
#define GHCB_VERSION_MAX 2
#define GHCB_NO_FRAME 0xfffffffffffffull	/* all-ones frame: no preference, or error */
#define GHCB_MSR_PSC_ERROR (1ull << 63)		/* KVM's failure bit in 0x015 */

enum ghcb_msr_action {
	GHCB_MSR_RESUME = 0,	/* write answer->msr to the MSR and go on */
	GHCB_MSR_PAGE = 1,	/* the MSR holds the GPA of a GHCB page: snp_ghcb_page() */
	GHCB_MSR_TERMINATE = 2,	/* the guest ends: set, reason */
	GHCB_MSR_AP_RESET_HOLD = 3,	/* park the vCPU; write answer->msr when it is woken */
};

struct ghcb_msr_answer {
	enum ghcb_msr_action action;
	uint32_t reserved;
	uint64_t msr;
	uint8_t set;		/* termination reason set and code */
	uint8_t reason;
	uint8_t reserved2[6];
};

/* Offsets in the GHCB page */
enum ghcb_offset {
	GHCB_CPL = 0x0cb,
	GHCB_RAX = 0x1f8,
	GHCB_RCX = 0x308,
	GHCB_RDX = 0x310,
	GHCB_RBX = 0x318,
	GHCB_EXIT_CODE = 0x390,
	GHCB_EXIT_INFO_1 = 0x398,
	GHCB_EXIT_INFO_2 = 0x3a0,
	GHCB_SCRATCH = 0x3a8,
	GHCB_XCR0 = 0x3e8,
	GHCB_VALID_BITMAP = 0x3f0,
	GHCB_SHARED_BUFFER = 0x800,
	GHCB_PROTOCOL_VERSION = 0xffa,
	GHCB_USAGE = 0xffc,
};
#define GHCB_SHARED_BUFFER_SIZE 2032u
#define GHCB_PAGE_SIZE 4096u

/* Exit codes (APM Vol 2 appendix C; GHCB specification) */
enum ghcb_exit {
	GHCB_EXIT_READ_DR7 = 0x27,
	GHCB_EXIT_WRITE_DR7 = 0x37,
	GHCB_EXIT_RDTSC = 0x6e,
	GHCB_EXIT_RDPMC = 0x6f,
	GHCB_EXIT_CPUID = 0x72,
	GHCB_EXIT_INVD = 0x76,
	GHCB_EXIT_HLT = 0x78,
	GHCB_EXIT_IOIO = 0x7b,
	GHCB_EXIT_MSR = 0x7c,
	GHCB_EXIT_VMMCALL = 0x81,
	GHCB_EXIT_RDTSCP = 0x87,
	GHCB_EXIT_WBINVD = 0x89,
	GHCB_EXIT_MONITOR = 0x8a,
	GHCB_EXIT_MWAIT = 0x8b,
	GHCB_EXIT_MMIO_READ = 0x80000001u,
	GHCB_EXIT_MMIO_WRITE = 0x80000002u,
	GHCB_EXIT_NMI_COMPLETE = 0x80000003u,
	GHCB_EXIT_AP_RESET_HOLD = 0x80000004u,
	GHCB_EXIT_AP_JUMP_TABLE = 0x80000005u,
	GHCB_EXIT_PSC = 0x80000010u,
	GHCB_EXIT_GUEST_REQUEST = 0x80000011u,
	GHCB_EXIT_EXT_GUEST_REQUEST = 0x80000012u,
	GHCB_EXIT_AP_CREATION = 0x80000013u,
	GHCB_EXIT_RUN_VMPL = 0x80000018u,
	GHCB_EXIT_HV_FEATURES = 0x8000fffdu,
	GHCB_EXIT_TERMINATE = 0x8000fffeu,
	GHCB_EXIT_UNSUPPORTED = 0x8000ffffu,
};

/* General errors: SW_EXITINFO1 = 2, SW_EXITINFO2 = one of these */
#define GHCB_INFO1_BAD_INPUT 2ull
enum ghcb_error {
	GHCB_OK = 0,
	GHCB_ERROR_NOT_REGISTERED = 1,
	GHCB_ERROR_USAGE = 2,
	GHCB_ERROR_SCRATCH = 3,
	GHCB_ERROR_MISSING_INPUT = 4,
	GHCB_ERROR_INVALID_INPUT = 5,
	GHCB_ERROR_INVALID_EVENT = 6,
};

enum ghcb_outcome {
	GHCB_REQUEST = 0,
	GHCB_HANDLED = 1,
	GHCB_BROKEN = 2,
};

/* IOIO: SW_EXITINFO1 as the intercept's EXITINFO1 */
struct ghcb_ioio {
	uint16_t port;
	uint8_t in;		/* 1: IN, 0: OUT */
	uint8_t string;		/* INS, OUTS: data in the scratch area */
	uint8_t rep;
	uint8_t size;		/* bytes per item: 1, 2, 4 */
	uint8_t reserved[2];
	uint32_t count;		/* string: items (SW_EXITINFO2) */
};

#define GHCB_NO_SCRATCH 0xffffffffu

/* A request, read once from the page: the guest can't change it behind our back. */
struct ghcb_request {
	uint32_t exit;		/* enum ghcb_exit */
	uint32_t stop;		/* enum stop_reason, outcome GHCB_BROKEN */
	uint64_t info1;
	uint64_t info2;
	uint64_t scratch;
	uint64_t rax, rbx, rcx, rdx, xcr0;	/* 0 where the guest gave none */
	uint8_t cpl;
	uint8_t reserved[3];
	/*
	 * Offset in the page of the data that the exit reads or writes, when it
	 * lies in the shared buffer; GHCB_NO_SCRATCH: elsewhere, at GPA scratch
	 * (shared RAM, one page), or the exit has none.
	 */
	uint32_t scratch_offset;
	uint32_t scratch_length;
	struct ghcb_ioio ioio;
};

/* Reads and checks everything but the scratch area. GHCB_OK or a general error. */
enum ghcb_error ghcb_parse(const void *page, struct ghcb_request *request);
/* How much of the scratch area the exit uses, in bytes */
uint64_t ghcb_scratch_bytes(const struct ghcb_request *request);

/*
 * Answering: begin (clears the valid bitmap, both infos are 0 and valid), then
 * registers, then infos if they are not 0.
 */
void ghcb_answer_begin(void *page);
void ghcb_answer_rax(void *page, uint64_t value);
void ghcb_answer_rbx(void *page, uint64_t value);
void ghcb_answer_rcx(void *page, uint64_t value);
void ghcb_answer_rdx(void *page, uint64_t value);
void ghcb_answer_info1(void *page, uint64_t value);
void ghcb_answer_info2(void *page, uint64_t value);
/* The whole answer to a bad request */
void ghcb_answer_error(void *page, enum ghcb_error error);
/* The whole answer that raises an exception in the guest (SW_EXITINFO1 = 1) */
void ghcb_answer_exception(void *page, unsigned int vector, int has_error_code,
			   uint32_t error_code);

#endif
