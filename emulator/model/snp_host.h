/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor of an SNP guest, as KVM with guest_memfd behaves: which pages
 * are private or shared, how they are backed, and what is done when the guest
 * faults. Used by snp*.c only.
 */
#ifndef ACCEPTLAB_SNP_HOST_H
#define ACCEPTLAB_SNP_HOST_H

#include "host_mem.h"
#include "rmp.h"

/* system pages beyond the guest's own, for a host that swaps one in */
#define SNP_SPARE_PAGES MODEL_UNIT_PAGES

struct snp_remap {
	uint64_t gpa;
	uint64_t spa;
};

/* A guest page g is backed by system page g, but for the few in remap. */
struct snp_host {
	struct host_mem mem;
	struct rmp_table rmp;
	uint64_t spare;		/* first spare system page */
	uint32_t asid;
	uint16_t spare_used;
	uint32_t remaps;
	struct snp_remap remap[SNP_SPARE_PAGES];
};

uint64_t snp_host_spa(const struct snp_host *host, uint64_t gpa);
struct rmp_key snp_host_key(const struct snp_host *host, uint64_t gpa);

/*
 * A nested page fault at gpa, a RAM page. 0: resolved (assigned or split), run
 * the instruction again; else the enum stop_reason that ends the guest.
 */
int snp_host_fault(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint32_t npf);
/* Assigns the private page at gpa, with its unit if that can be one 2M page; bytes that were. */
uint64_t snp_host_assign(struct snp_host *host, uint64_t gpa);
/* What snp_host_assign() would do with the unit: may it be one 2M page? */
int snp_host_unit_2m(const struct snp_host *host, uint64_t gpa);
/* Conversions of pages in RAM; [gpa, gpa + size) lies in one unit. */
void snp_host_make_shared(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size);
void snp_host_make_private(struct snp_host *host, unsigned int vcpu, uint64_t gpa, uint64_t size);
/* The unit is unplugged: the host's again in the RMP, without an event. */
void snp_host_drop(struct snp_host *host, uint64_t unit);
/* The same for all pages of the unit of gpa but the one at gpa. */
void snp_host_drop_others(struct snp_host *host, uint64_t gpa);
/* Turns the unit of gpa into 512 pages if it is one 2M page. */
void snp_host_split(struct snp_host *host, unsigned int vcpu, uint64_t gpa);

/* Malicious: backs the page by the system page spa from now on. -1: no room to remember it. */
int snp_host_remap(struct snp_host *host, uint64_t gpa, uint64_t spa);
/* Forgets that: the page's own system page backs it again. */
void snp_host_unmap(struct snp_host *host, uint64_t gpa);
/* RMPUPDATE of the single system page behind gpa: to the guest, or to the host */
void snp_host_give_page(struct snp_host *host, uint64_t gpa);
void snp_host_take_page(struct snp_host *host, uint64_t gpa);

#endif
