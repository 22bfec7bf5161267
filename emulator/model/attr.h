/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's opinion which pages are private (zero: the initial state) and
 * which are shared: one byte per 2M unit, and a bitmap only where pages of a
 * unit differ.
 */
#ifndef ACCEPTLAB_ATTR_H
#define ACCEPTLAB_ATTR_H

#include <stddef.h>
#include <stdint.h>

struct page_attr {
	uint8_t *unit;		/* enum: all private, all shared, mixed */
	uint64_t *page;		/* one bit per page, 1 = shared; valid where mixed */
};

enum attr_unit { ATTR_PRIVATE = 0, ATTR_SHARED = 1, ATTR_MIXED = 2 };

int attr_is_shared(const struct page_attr *attr, uint64_t gpa);
/* enum attr_unit of the unit that holds gpa */
enum attr_unit attr_unit_of(const struct page_attr *attr, uint64_t gpa);
/* one page, or (size 2M, gpa aligned) one unit */
void attr_set_shared(struct page_attr *attr, uint64_t gpa, uint64_t size);
void attr_set_private(struct page_attr *attr, uint64_t gpa, uint64_t size);

#endif
