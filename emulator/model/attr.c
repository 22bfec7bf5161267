/* SPDX-License-Identifier: GPL-2.0-only */
#include "attr.h"

#include <string.h>

#include "access.h"

#define WORDS_PER_UNIT (MODEL_UNIT_PAGES / 64)

static uint64_t *attr_words(const struct page_attr *attr, uint64_t gpa)
{
	return attr->page + gpa / MODEL_UNIT_SIZE * WORDS_PER_UNIT;
}

static unsigned int page_in_unit(uint64_t gpa)
{
	return gpa / MODEL_PAGE_SIZE % MODEL_UNIT_PAGES;
}

enum attr_unit attr_unit_of(const struct page_attr *attr, uint64_t gpa)
{
	return attr->unit[gpa / MODEL_UNIT_SIZE];
}

int attr_is_shared(const struct page_attr *attr, uint64_t gpa)
{
	enum attr_unit unit = attr_unit_of(attr, gpa);
	unsigned int page = page_in_unit(gpa);

	if (unit != ATTR_MIXED)
		return unit == ATTR_SHARED;
	return attr_words(attr, gpa)[page / 64] >> page % 64 & 1;
}

static void attr_set(struct page_attr *attr, uint64_t gpa, uint64_t size,
		     enum attr_unit to)
{
	uint8_t *unit = &attr->unit[gpa / MODEL_UNIT_SIZE];
	uint64_t *words = attr_words(attr, gpa);
	unsigned int page = page_in_unit(gpa), i;
	uint64_t whole = to == ATTR_SHARED ? ~0ull : 0;

	if (size == MODEL_UNIT_SIZE) {
		*unit = to;
		return;
	}
	if (*unit == to)
		return;
	if (*unit != ATTR_MIXED) {
		memset(words, *unit == ATTR_SHARED ? 0xff : 0,
		       WORDS_PER_UNIT * sizeof(*words));
		*unit = ATTR_MIXED;
	}
	words[page / 64] = (words[page / 64] & ~(1ull << page % 64)) |
			   (whole & 1ull << page % 64);
	for (i = 0; i < WORDS_PER_UNIT; i++)
		if (words[i] != whole)
			return;
	*unit = to;
}

void attr_set_shared(struct page_attr *attr, uint64_t gpa, uint64_t size)
{
	attr_set(attr, gpa, size, ATTR_SHARED);
}

void attr_set_private(struct page_attr *attr, uint64_t gpa, uint64_t size)
{
	attr_set(attr, gpa, size, ATTR_PRIVATE);
}
