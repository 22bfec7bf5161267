/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMM of a TD, as KVM with guest_memfd behaves: which pages are private or
 * shared, how they are backed, and what is done at an EPT violation. Used by
 * tdx*.c only.
 */
#ifndef ACCEPTLAB_TDX_HOST_H
#define ACCEPTLAB_TDX_HOST_H

#include "host_mem.h"
#include "sept.h"

struct tdx_host {
	struct host_mem mem;
	struct sept sept;
	uint64_t kept;		/* page that a malicious host never removes, if keeps is set */
	int keeps;
};

/*
 * A TD exit with an EPT violation at the private page gpa; exit_info: extended
 * exit qualification. 0: resolved (AUG or DEMOTE), enter again; else the enum
 * stop_reason that ends the guest.
 */
int tdx_host_fault(struct tdx_host *host, unsigned int vcpu, uint64_t gpa, uint64_t exit_info);
/* AUGs the private page at gpa, at most at the requested level; bytes that were, 0: none. */
uint64_t tdx_host_assign(struct tdx_host *host, uint64_t gpa, unsigned int level);
/*
 * Conversions of pages in RAM; [gpa, gpa + size) lies in one unit. make_private:
 * bytes that are accepted, as they were before they were shared.
 */
void tdx_host_make_shared(struct tdx_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size);
uint64_t tdx_host_make_private(struct tdx_host *host, unsigned int vcpu, uint64_t gpa,
			       uint64_t size);
/* The unit is unplugged: what it has of leaves is removed, without an event. */
void tdx_host_drop(struct tdx_host *host, uint64_t unit);
/* Turns the unit of gpa into 512 pages if it is one 2M leaf (BLOCK, TRACK, DEMOTE). */
void tdx_host_split(struct tdx_host *host, unsigned int vcpu, uint64_t gpa);
/* BLOCK, TRACK, REMOVE of one leaf; 0, or -1 if there is none */
int tdx_host_remove(struct tdx_host *host, uint64_t gpa, unsigned int level);

#endif
