/* SPDX-License-Identifier: GPL-2.0-only */
/* Page states as snapshots and reports have them, the same for both platforms. */
#ifndef ACCEPTLAB_PAGE_RUN_H
#define ACCEPTLAB_PAGE_RUN_H

#include <stdint.h>

enum page_state {
	PAGE_HOST = 0,		/* the guest does not own it: shared, or not assigned yet */
	PAGE_UNACCEPTED = 1,	/* private and assigned (pending), not accepted */
	PAGE_ACCEPTED = 2,
};

/* Also the record of a .pages snapshot: 24 bytes, little endian. */
struct page_run {
	uint64_t start;
	uint64_t size;
	uint64_t state;		/* enum page_state */
};

#endif
