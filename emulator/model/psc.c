/* SPDX-License-Identifier: GPL-2.0-only */
#include "psc.h"

#include "access.h"

enum psc_next psc_next_step(struct psc_list *list, struct psc_step *step,
			    uint64_t *error)
{
	for (; list->cur_entry <= list->end_entry; list->cur_entry++) {
		uint64_t entry, gpa;
		unsigned int pages, done;

		if (list->cur_entry >= PSC_ENTRIES_MAX) {
			*error = PSC_ERROR_BAD_HEADER;
			return PSC_FAILED;
		}
		entry = list->entry[list->cur_entry];
		gpa = psc_gpa(entry);
		pages = psc_pages(entry);
		done = psc_cur_page(entry);
		if (done > pages || gpa % (pages * MODEL_PAGE_SIZE)) {
			*error = PSC_ERROR_BAD_ENTRY;
			return PSC_FAILED;
		}
		if (done == pages)
			continue;
		step->gpa = gpa + done * MODEL_PAGE_SIZE;
		step->size = (pages - done) * MODEL_PAGE_SIZE;
		step->op = psc_op_of(entry);
		step->done = pages;
		return PSC_STEP;
	}
	return PSC_COMPLETE;
}

void psc_step_done(struct psc_list *list, const struct psc_step *step)
{
	uint64_t *entry = &list->entry[list->cur_entry];

	*entry = psc_with_cur_page(*entry, step->done);
	list->cur_entry++;
}
