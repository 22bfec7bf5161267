/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of a TD (tdx*.c) share; embedders use tdx.h. */
#ifndef ACCEPTLAB_TDX_VM_H
#define ACCEPTLAB_TDX_VM_H

#include "tdx.h"
#include "tdx_host.h"

struct tdx_vcpu {
	struct ve_info ve;
	uint32_t ve_valid;
	uint32_t busy_in_a_row;
};

struct tdx_vm {
	struct tdx_config config;
	struct tdx_host host;
	uint64_t accepted;	/* bytes */
	uint64_t td_ctls;
	uint64_t notify_enables;
	uint64_t topology_configured;	/* TOPOLOGY_ENUM_CONFIGURED */
	struct tdx_vcpu *vcpu;
	uint32_t busy;		/* accepts that a malicious host still disturbs */
	uint32_t retries;	/* MapGPA calls that it still puts off */
};

static inline int tdx_beyond_width(const struct tdx_vm *vm, uint64_t gpa)
{
	return gpa >> (vm->config.gpaw - 1) != 0;
}

static inline void tdx_stopped(struct access_fault *fault, enum stop_reason stop,
			       uint64_t exit_info)
{
	fault->stop = stop;
	fault->platform = VMX_EXIT_EPT_VIOLATION;
	fault->exit_info = exit_info;
}

/* Converts pages of RAM, with the event; detail: enum convert_to, and CONVERT_IMPLICIT */
void tdx_convert(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
		 uint64_t detail);
/* An EPT violation of a private access or an ACCEPT reaches the host: enum stop_reason */
int tdx_fault(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t exit_info);
/* The #VE of a shared access that the host has not mapped (semantics.md 2.6.4) */
void tdx_shared_ve(const struct tdx_vm *vm, const struct access *access,
		   struct access_fault *fault);

/* As struct host_mem_platform has it (host_mem.h) */
enum page_state tdx_vm_state_from(const void *vm, uint64_t gpa, uint64_t end, uint64_t *length);

#endif
