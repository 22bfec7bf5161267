/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp.h"

#include <string.h>

#include "psc.h"
#include "snp_vm.h"

/* Resolves the scratch area of the request: inside the page, or elsewhere in shared RAM. */
static enum ghcb_error find_scratch(const struct snp_vm *vm, uint64_t gpa, uint64_t length,
				    struct ghcb_request *request)
{
	uint64_t start = request->scratch, offset = start - gpa;

	if (start >= gpa && offset < GHCB_PAGE_SIZE) {
		if (offset < GHCB_SHARED_BUFFER ||
		    offset > GHCB_SHARED_BUFFER + GHCB_SHARED_BUFFER_SIZE ||
		    length > GHCB_SHARED_BUFFER + GHCB_SHARED_BUFFER_SIZE - offset)
			return GHCB_ERROR_SCRATCH;
		request->scratch_offset = offset;
	} else if (length > MODEL_PAGE_SIZE - start % MODEL_PAGE_SIZE ||
		   !snp_host_may_access(vm, start, length)) {
		return GHCB_ERROR_SCRATCH;
	}
	request->scratch_length = length;
	return GHCB_OK;
}

/* Where the descriptor lies in our address space, and how much may be read there */
static uint8_t *psc_buffer(struct snp_vm *vm, uint64_t gpa, uint8_t *page,
			   struct ghcb_request *request, uint64_t *room)
{
	const uint64_t header = 8;

	if (find_scratch(vm, gpa, header, request) != GHCB_OK)
		return NULL;
	if (request->scratch_offset != GHCB_NO_SCRATCH) {
		*room = GHCB_SHARED_BUFFER + GHCB_SHARED_BUFFER_SIZE - request->scratch_offset;
		return page + request->scratch_offset;
	}
	*room = MODEL_PAGE_SIZE - request->scratch % MODEL_PAGE_SIZE;
	return vm->host.mem.ops.guest_memory ?
		       vm->host.mem.ops.guest_memory(vm->host.mem.ops.opaque, request->scratch, *room) :
		       NULL;
}

static int psc_step(struct snp_vm *vm, unsigned int vcpu, struct psc_list *list,
		    const struct psc_step *step)
{
	int known = step->op == PSC_PRIVATE || step->op == PSC_SHARED;

	/* hints and unknown operations count as done */
	if (known && snp_convert(vm, vcpu, step->gpa, step->size, step->op))
		return -1;
	psc_step_done(list, step);
	return 0;
}

/* Works on the copy; returns SW_EXITINFO2. */
static uint64_t psc_run(struct snp_vm *vm, unsigned int vcpu, struct psc_list *list,
			uint32_t limit)
{
	uint64_t error = 0;
	struct psc_step step;
	uint32_t steps = 0;

	while (!limit || steps < limit) {
		enum psc_next next = psc_next_step(list, &step, &error);

		if (next == PSC_COMPLETE)
			return 0;
		if (next == PSC_FAILED)
			return error;
		if (psc_step(vm, vcpu, list, &step))
			return PSC_ERROR_GENERIC;
		steps++;
	}
	return 0;
}

/* A malicious host gives back less progress than the guest came with */
static void psc_rewind(struct snp_vm *vm, struct psc_list *list, uint16_t came_with)
{
	if (!vm->psc_rewinds || !came_with)
		return;
	vm->psc_rewinds--;
	list->cur_entry = came_with - 1;
}

static void snp_psc(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa, uint8_t *page,
		    struct ghcb_request *request)
{
	struct psc_list list = { 0 };
	uint64_t room, bytes, error;
	uint16_t came_with;
	uint32_t limit;
	uint8_t *buffer = psc_buffer(vm, gpa, page, request, &room);

	if (!buffer) {
		ghcb_answer_error(page, GHCB_ERROR_SCRATCH);
		return;
	}
	ghcb_answer_begin(page);
	memcpy(&list, buffer, 8);
	bytes = 8 + (list.end_entry + 1ull) * 8;
	if (list.end_entry >= PSC_ENTRIES_MAX || bytes > room) {
		ghcb_answer_info2(page, PSC_ERROR_BAD_HEADER);
		return;
	}
	memcpy(list.entry, buffer + 8, bytes - 8);
	came_with = list.cur_entry;
	/* so that there is progress to take back */
	limit = vm->psc_rewinds && !came_with ? 1 : vm->config.psc_entries_per_exit;
	error = psc_run(vm, vcpu, &list, limit);
	psc_rewind(vm, &list, came_with);
	memcpy(buffer, &list.cur_entry, sizeof(list.cur_entry));
	memcpy(buffer + 8, list.entry, bytes - 8);
	if (error)
		ghcb_answer_info2(page, error);
}

enum ghcb_outcome snp_ghcb_page(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa,
				void *page, struct ghcb_request *request)
{
	enum ghcb_error error;

	memset(request, 0, sizeof(*request));
	if (!page || gpa % MODEL_PAGE_SIZE || vcpu >= vm->config.vcpus ||
	    !snp_host_may_access(vm, gpa, MODEL_PAGE_SIZE)) {
		request->stop = STOP_HANDLER;
		return GHCB_BROKEN;
	}
	error = vm->registered[vcpu] == gpa + 1 ? ghcb_parse(page, request) :
						  GHCB_ERROR_NOT_REGISTERED;
	if (error == GHCB_OK && request->exit == GHCB_EXIT_PSC) {
		snp_psc(vm, vcpu, gpa, page, request);
		return GHCB_HANDLED;
	}
	if (error == GHCB_OK && ghcb_scratch_bytes(request))
		error = find_scratch(vm, gpa, ghcb_scratch_bytes(request), request);
	if (error == GHCB_OK)
		return GHCB_REQUEST;
	ghcb_answer_error(page, error);
	return GHCB_HANDLED;
}
