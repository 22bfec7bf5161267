/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The descriptor of a page state change (GHCB exit 0x80000010). semantics.md 1.8.
 * The list is always a copy: the guest may rewrite its own meanwhile.
 */
#ifndef ACCEPTLAB_PSC_H
#define ACCEPTLAB_PSC_H

#include <stdint.h>

#define PSC_ENTRIES_MAX 253u	/* (2032 - 8) / 8 */

enum psc_op { PSC_PRIVATE = 1, PSC_SHARED = 2, PSC_PSMASH = 3, PSC_UNSMASH = 4 };

/* SW_EXITINFO2 of a failed PSC */
#define PSC_ERROR_GENERIC (0x100ull << 32)
#define PSC_ERROR_BAD_HEADER (1ull << 32 | 1)
#define PSC_ERROR_BAD_ENTRY (1ull << 32 | 2)

struct psc_list {
	uint16_t cur_entry;
	uint16_t end_entry;
	uint32_t reserved;
	uint64_t entry[PSC_ENTRIES_MAX];
};

static inline unsigned int psc_cur_page(uint64_t entry) { return entry & 0xfff; }
static inline uint64_t psc_gpa(uint64_t entry) { return entry & 0x000ffffffffff000ull; }
static inline unsigned int psc_op_of(uint64_t entry) { return entry >> 52 & 0xf; }
static inline int psc_is_2m(uint64_t entry) { return entry >> 56 & 1; }
static inline unsigned int psc_pages(uint64_t entry) { return psc_is_2m(entry) ? 512 : 1; }
static inline uint64_t psc_with_cur_page(uint64_t entry, unsigned int cur_page)
{
	return (entry & ~0xfffull) | cur_page;
}

/* One piece of work: a run of pages of one entry that the host handles at once */
struct psc_step {
	uint64_t gpa;
	uint64_t size;		/* 2M, or a number of 4K pages */
	unsigned int op;	/* enum psc_op or unknown */
	unsigned int done;	/* cur_page of the entry when the step is done */
};

enum psc_next { PSC_STEP = 0, PSC_COMPLETE = 1, PSC_FAILED = 2 };

/*
 * Finds the next step from cur_entry on (skipping entries that are done), as
 * KVM does: a half-done 2M entry is finished in 4K pages. PSC_FAILED: *error.
 */
enum psc_next psc_next_step(struct psc_list *list, struct psc_step *step,
			    uint64_t *error);
/* Marks the step done and moves cur_entry on. */
void psc_step_done(struct psc_list *list, const struct psc_step *step);

#endif
