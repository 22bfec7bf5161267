/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of an SNP guest (snp*.c) share; embedders use snp.h. */
#ifndef ACCEPTLAB_SNP_VM_H
#define ACCEPTLAB_SNP_VM_H

#include "snp.h"
#include "snp_host.h"

struct snp_vm {
	struct snp_config config;
	struct snp_host host;
	uint64_t accepted;	/* bytes */
	uint64_t *registered;	/* per vCPU: GPA of its GHCB, plus 1 */
	uint64_t *save_area;	/* per vCPU: GPA of the save area it runs from, plus 1 */
	uint32_t psc_errors;
	uint32_t psc_rewinds;
};

static inline enum access_verdict snp_stopped(struct access_fault *fault,
					      enum stop_reason stop, uint32_t npf)
{
	fault->stop = stop;
	fault->platform = npf;
	return VERDICT_STOPPED;
}

/* A range in one unit changes hands (op: PSC_*); 0 or -1 if the host refuses. */
int snp_convert(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
		unsigned int op);

/* 1 if the page is the save area of a vCPU that runs (semantics.md 1.4.6) */
int snp_save_area_in_use(const struct snp_vm *vm, uint64_t gpa);
/* The host makes a page shared at a shared access to it */
void snp_share_implicitly(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa);

/* As struct host_mem_platform has it (host_mem.h) */
enum page_state snp_vm_state_from(const void *vm, uint64_t gpa, uint64_t end, uint64_t *length);

#endif
