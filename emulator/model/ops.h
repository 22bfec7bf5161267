/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Callbacks of a model to the program that embeds it. Every member may be NULL:
 * then the model does without (no events, no TLB to flush, no content to zero, ...).
 * The callbacks run inside a call into the model and must not call back in.
 */
#ifndef ACCEPTLAB_OPS_H
#define ACCEPTLAB_OPS_H

#include <stdint.h>

#include "event.h"

struct model_ops {
	void *opaque;
	/*
	 * kind, gpa, size, result, carry, detail and vcpu are set (vcpu 0 for
	 * acts of the host that no vCPU caused); the embedder fills the rest.
	 */
	void (*event)(void *opaque, const struct acc_event *event);
	/* cached translations of [gpa, gpa + size) may allow too much: drop them */
	void (*lost_access)(void *opaque, uint64_t gpa, uint64_t size);
	/* [gpa, gpa + size) must read as zero (TDX accept); only for stale pages */
	void (*scrub)(void *opaque, uint64_t gpa, uint64_t size);
	/*
	 * The host has given [gpa, gpa + size) other memory, shared or private: what
	 * the guest had in it is gone. Not called where the host converts in place.
	 */
	void (*content_lost)(void *opaque, uint64_t gpa, uint64_t size, int shared);
	/*
	 * Host pointer to [gpa, gpa + len) of guest memory, or NULL. The model
	 * has checked that the range is RAM and in one page.
	 */
	void *(*guest_memory)(void *opaque, uint64_t gpa, uint64_t len);
	/* CPUID as the host answers it: regs = EAX, EBX, ECX, EDX */
	void (*cpuid)(void *opaque, unsigned int vcpu, uint32_t leaf,
		      uint32_t subleaf, uint32_t regs[4]);
	/* 1 if the vCPU has an interrupt that it would take now (TDX 2M accept) */
	int (*interrupt_pending)(void *opaque, unsigned int vcpu);
	/* 1 if the host has halted the vCPU: it does not run (SNP save areas) */
	int (*halted)(void *opaque, unsigned int vcpu);
};

#endif
