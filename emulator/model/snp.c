/* SPDX-License-Identifier: GPL-2.0-only */
#include "snp.h"

#include <stdio.h>
#include <string.h>

#include "attack.h"
#include "psc.h"
#include "snp_host.h"

#define UNIT_MASK (~(MODEL_UNIT_SIZE - 1))
#define PAGE_MASK (~(MODEL_PAGE_SIZE - 1))
/* an honest host needs two rounds at most: assign, then split */
#define ROUNDS_MAX 8

struct snp_vm {
	struct snp_config config;
	struct snp_host host;
	uint64_t accepted;	/* bytes */
	uint64_t *registered;	/* per vCPU: GPA of its GHCB, plus 1 */
	uint32_t psc_errors;
	uint32_t psc_rewinds;
};

/* --- making a guest ------------------------------------------------------- */

struct layout {
	uint64_t units;
	size_t unit, page, attr_unit, attr_page, registered, end;
};

static size_t place(size_t *at, uint64_t bytes)
{
	size_t start = *at;

	*at += (bytes + 4095) & ~4095ull;
	return start;
}

static int layout_of(const struct snp_config *config, struct layout *layout)
{
	size_t at = 0;

	if (!config->top || config->top > 1ull << 48 || config->top % MODEL_PAGE_SIZE ||
	    !config->asid || !config->vcpus || config->vcpus > SNP_VCPUS_MAX)
		return -1;
	/* one more unit: the host's spare pages */
	layout->units = (config->top + MODEL_UNIT_SIZE - 1) / MODEL_UNIT_SIZE + 1;
	place(&at, sizeof(struct snp_vm));
	layout->unit = place(&at, layout->units * sizeof(struct rmp_entry));
	layout->page = place(&at, layout->units * MODEL_UNIT_PAGES * sizeof(struct rmp_entry));
	layout->attr_unit = place(&at, layout->units);
	layout->attr_page = place(&at, layout->units * MODEL_UNIT_PAGES / 8);
	layout->registered = place(&at, config->vcpus * sizeof(uint64_t));
	layout->end = at;
	return 0;
}

size_t snp_vm_bytes(const struct snp_config *config)
{
	struct layout layout;

	return layout_of(config, &layout) ? 0 : layout.end;
}

struct snp_vm *snp_vm_init(void *memory, const struct snp_config *config,
			   const struct model_ops *ops)
{
	struct snp_vm *vm = memory;
	uint8_t *base = memory;
	struct layout layout;

	if (layout_of(config, &layout))
		return NULL;
	vm->config = *config;
	if (!vm->config.hv_features)
		vm->config.hv_features = SNP_HV_FEATURES_DEFAULT;
	vm->host.ops = *ops;
	vm->host.asid = config->asid;
	vm->host.backing_4k = config->backing_4k;
	vm->host.assign_advance = config->assign_advance;
	vm->host.rmp.units = layout.units;
	vm->host.rmp.unit = (struct rmp_entry *)(base + layout.unit);
	vm->host.rmp.page = (struct rmp_entry *)(base + layout.page);
	vm->host.attr.unit = base + layout.attr_unit;
	vm->host.attr.page = (uint64_t *)(base + layout.attr_page);
	vm->host.spare = (layout.units - 1) * MODEL_UNIT_SIZE;
	vm->registered = (uint64_t *)(base + layout.registered);
	return vm;
}

int snp_vm_add_ram(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	return ram_add(&vm->host.ram, gpa, size, vm->config.top);
}

/* Length of the part of [gpa, end) that lies in gpa's unit */
static uint64_t in_unit(uint64_t gpa, uint64_t end)
{
	uint64_t unit_end = (gpa & UNIT_MASK) + MODEL_UNIT_SIZE;

	return (end < unit_end ? end : unit_end) - gpa;
}

static int range_ok(const struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	return size && !((gpa | size) % MODEL_PAGE_SIZE) &&
	       ram_contains(&vm->host.ram, gpa, size);
}

static int launch_part(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	struct rmp_state state = { .gpa = gpa, .asid = vm->config.asid, .assigned = 1 };
	uint64_t end = gpa + size;

	state.size_2m = size == MODEL_UNIT_SIZE && snp_host_unit_2m(&vm->host, gpa);
	if (state.size_2m && rmp_launch(&vm->host.rmp, gpa, &state) == RMP_SUCCESS)
		return 0;
	state.size_2m = 0;
	for (; state.gpa < end; state.gpa += MODEL_PAGE_SIZE)
		if (attr_is_shared(&vm->host.attr, state.gpa) ||
		    rmp_launch(&vm->host.rmp, state.gpa, &state) != RMP_SUCCESS)
			return -1;
	return 0;
}

int snp_vm_launch(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size, part;

	if (!range_ok(vm, gpa, size))
		return -1;
	for (; gpa < end; gpa += part) {
		part = in_unit(gpa, end);
		if (launch_part(vm, gpa, part))
			return -1;
		vm->accepted += part;
	}
	return 0;
}

int snp_vm_share(struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size, page;

	if (!range_ok(vm, gpa, size))
		return -1;
	for (page = gpa; page < end; page += MODEL_PAGE_SIZE)
		if (snp_vm_page_state(vm, page) != PAGE_HOST)
			return -1;
	for (; gpa < end; gpa += in_unit(gpa, end))
		snp_host_make_shared(&vm->host, 0, gpa, in_unit(gpa, end));
	return 0;
}

static void start_range(struct snp_vm *vm, uint64_t gpa, uint64_t end)
{
	uint64_t page, got;

	for (page = gpa; page < end; page = (page & ~(got - 1)) + got)
		got = snp_host_assign(&vm->host, page);
	snp_host_event(&vm->host, 0, EVENT_ASSIGN, gpa, end - gpa, 0, 0);
}

int snp_vm_start(struct snp_vm *vm)
{
	uint64_t cursor = 0, at;
	struct page_run run;

	if (!vm->config.assign_advance)
		return 0;
	while (snp_vm_next_run(vm, &cursor, &run)) {
		if (run.state != PAGE_HOST)
			continue;
		/* of what the guest does not own yet, only the private part */
		for (at = run.start; at < run.start + run.size;) {
			uint64_t from = at, end = run.start + run.size;
			int shared = attr_is_shared(&vm->host.attr, at);

			while (at < end && attr_is_shared(&vm->host.attr, at) == shared)
				at += attr_unit_of(&vm->host.attr, at) == ATTR_MIXED ?
					      MODEL_PAGE_SIZE : in_unit(at, end);
			if (!shared)
				start_range(vm, from, at);
		}
	}
	return 0;
}

/* --- accesses ------------------------------------------------------------- */

static enum access_verdict stopped(struct access_fault *fault, enum stop_reason stop,
				   uint32_t npf)
{
	fault->stop = stop;
	fault->platform = npf;
	return VERDICT_STOPPED;
}

static enum access_verdict private_access(struct snp_vm *vm, unsigned int vcpu,
					  const struct access *access,
					  struct access_fault *fault)
{
	struct rmp_result result;
	unsigned int round;

	for (round = 0; round < ROUNDS_MAX; round++) {
		struct rmp_key key = snp_host_key(&vm->host, access->gpa);
		int stop;

		rmp_access(&vm->host.rmp, &key, access, &result);
		if (result.outcome == RMP_DONE)
			return VERDICT_ALLOWED;
		if (result.outcome == RMP_NOT_VALIDATED) {
			fault->platform = VC_NOT_VALIDATED;
			return VERDICT_GUEST_FAULT;
		}
		stop = snp_host_fault(&vm->host, vcpu, access->gpa, result.npf);
		if (stop != STOP_NONE)
			return stopped(fault, stop, result.npf);
	}
	return stopped(fault, STOP_NO_PROGRESS, result.npf);
}

/* The host maps for shared use only what it has as shared. */
static enum access_verdict shared_access(struct snp_vm *vm, const struct access *access,
					 struct access_fault *fault)
{
	struct rmp_key key = snp_host_key(&vm->host, access->gpa);
	struct rmp_result result;

	rmp_access(&vm->host.rmp, &key, access, &result);
	if (result.outcome == RMP_CIPHERTEXT)
		return VERDICT_CIPHERTEXT;
	if (result.outcome == RMP_NPF)
		return stopped(fault, STOP_SHARED_ACCESS, result.npf);
	if (!attr_is_shared(&vm->host.attr, access->gpa))
		return stopped(fault, STOP_SHARED_ACCESS, NPF_FINAL);
	return VERDICT_ALLOWED;
}

enum access_verdict snp_access(struct snp_vm *vm, unsigned int vcpu,
			       const struct access *access,
			       struct access_fault *fault)
{
	struct access copy = *access;

	memset(fault, 0, sizeof(*fault));
	if (copy.kind == ACCESS_FETCH || copy.kind == ACCESS_WALK)
		copy.private = 1;
	if (!ram_contains(&vm->host.ram, copy.gpa & PAGE_MASK, MODEL_PAGE_SIZE)) {
		if (!copy.private)
			return VERDICT_MMIO;
		return stopped(fault, STOP_NOT_RAM, NPF_RMP | NPF_FINAL | NPF_ENC);
	}
	return copy.private ? private_access(vm, vcpu, &copy, fault) :
			      shared_access(vm, &copy, fault);
}

int snp_host_may_touch(const struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t start = gpa & PAGE_MASK, end = gpa + size;

	if (!size || end < gpa || !ram_contains(&vm->host.ram, start, end - start))
		return 0;
	while (start < end) {
		if (!attr_is_shared(&vm->host.attr, start))
			return 0;
		start += attr_unit_of(&vm->host.attr, start) == ATTR_MIXED ?
				 MODEL_PAGE_SIZE : in_unit(start, end);
	}
	return 1;
}

/* --- PVALIDATE, RMPADJUST ------------------------------------------------- */

static enum snp_outcome done(struct snp_answer *answer, enum rmp_code code)
{
	answer->eax = code;
	return SNP_DONE;
}

static enum snp_outcome pvalidate_check(const struct snp_caller *caller, uint64_t address,
					uint32_t ecx, struct snp_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (caller->cpl || caller->vmpl)
		return SNP_GP;
	if (ecx > 1 || (ecx && address % MODEL_UNIT_SIZE))
		return done(answer, RMP_FAIL_INPUT);
	return SNP_WALK;
}

static void accept_event(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
			 int validate, const struct snp_answer *answer)
{
	struct acc_event event = {
		.kind = validate ? EVENT_ACCEPT : EVENT_RESCIND,
		.vcpu = vcpu,
		.gpa = gpa,
		.size = size,
		.result = answer->eax,
		.carry = answer->carry,
	};

	if (vm->host.ops.event)
		vm->host.ops.event(vm->host.ops.opaque, &event);
}

enum snp_outcome snp_pvalidate_operands(struct snp_vm *vm,
					const struct snp_caller *caller,
					uint64_t rax, uint32_t ecx, uint32_t edx,
					struct snp_answer *answer)
{
	enum snp_outcome outcome = pvalidate_check(caller, rax, ecx, answer);

	/* never walked: there is no guest-physical address to tell */
	if (outcome == SNP_DONE)
		accept_event(vm, caller->vcpu, 0, 0, edx & 1, answer);
	return outcome;
}

/*
 * One round of an instruction on the entry of gpa. 1: result is final; 0: the
 * host acted, once more; -1: the guest is stopped.
 */
static int settle(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa,
		  const struct rmp_result *result, struct snp_answer *answer)
{
	int stop;

	if (result->outcome != RMP_NPF)
		return 1;
	stop = snp_host_fault(&vm->host, vcpu, gpa, result->npf);
	if (stop == STOP_NONE && ++answer->exits >= ROUNDS_MAX)
		stop = STOP_NO_PROGRESS;
	if (stop == STOP_NONE)
		return 0;
	stopped(&answer->fault, stop, result->npf);
	return -1;
}

static int target_is_ram(const struct snp_vm *vm, uint64_t gpa, struct snp_answer *answer)
{
	if (ram_contains(&vm->host.ram, gpa & PAGE_MASK, MODEL_PAGE_SIZE))
		return 1;
	stopped(&answer->fault, STOP_NOT_RAM, NPF_RMP | NPF_FINAL | NPF_ENC);
	return 0;
}

enum snp_outcome snp_pvalidate(struct snp_vm *vm, const struct snp_caller *caller,
			       uint64_t gpa, uint32_t ecx, uint32_t edx,
			       struct snp_answer *answer)
{
	enum snp_outcome outcome;
	struct rmp_result result;
	uint64_t size = ecx ? MODEL_UNIT_SIZE : MODEL_PAGE_SIZE;
	int validate = edx & 1, settled;

	gpa &= PAGE_MASK;
	outcome = pvalidate_check(caller, gpa, ecx, answer);
	if (outcome == SNP_WALK && !target_is_ram(vm, gpa, answer))
		return SNP_STOPPED;
	if (outcome == SNP_DONE)
		accept_event(vm, caller->vcpu, gpa, size, validate, answer);
	if (outcome != SNP_WALK)
		return outcome;
	do {
		struct rmp_key key = snp_host_key(&vm->host, gpa);

		rmp_pvalidate(&vm->host.rmp, &key, ecx, validate, &result);
		settled = settle(vm, caller->vcpu, gpa, &result, answer);
	} while (!settled);
	if (settled < 0)
		return SNP_STOPPED;
	answer->eax = result.code;
	answer->carry = result.carry;
	accept_event(vm, caller->vcpu, gpa, size, validate, answer);
	if (result.code == RMP_SUCCESS && !result.carry) {
		vm->accepted += validate ? size : -size;
		if (!validate)
			snp_host_lost_access(&vm->host, gpa, size);
	}
	return SNP_DONE;
}

static enum snp_outcome rmpadjust_check(const struct snp_caller *caller, uint64_t address,
					uint64_t rcx, uint64_t rdx,
					struct snp_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (caller->cpl)
		return SNP_GP;
	if (rcx > 1 || (rcx && address % MODEL_UNIT_SIZE) || rdx >> 17 ||
	    (rdx & 0xff) >= VMPL_LEVELS || (rdx >> 8 & 0xff & ~RMP_PERM_ALL))
		return done(answer, RMP_FAIL_INPUT);
	return SNP_WALK;
}

enum snp_outcome snp_rmpadjust_operands(struct snp_vm *vm,
					const struct snp_caller *caller,
					uint64_t rax, uint64_t rcx, uint64_t rdx,
					struct snp_answer *answer)
{
	enum snp_outcome outcome = rmpadjust_check(caller, rax, rcx, rdx, answer);

	if (outcome == SNP_DONE)
		snp_host_event(&vm->host, caller->vcpu, EVENT_RMPADJUST, 0, 0, answer->eax, rdx);
	return outcome;
}

enum snp_outcome snp_rmpadjust(struct snp_vm *vm, const struct snp_caller *caller,
			       uint64_t gpa, uint64_t rcx, uint64_t rdx,
			       struct snp_answer *answer)
{
	enum snp_outcome outcome;
	struct rmp_result result;
	uint64_t size = rcx ? MODEL_UNIT_SIZE : MODEL_PAGE_SIZE;
	int settled;

	gpa &= PAGE_MASK;
	outcome = rmpadjust_check(caller, gpa, rcx, rdx, answer);
	if (outcome == SNP_WALK && !target_is_ram(vm, gpa, answer))
		return SNP_STOPPED;
	if (outcome == SNP_DONE)
		snp_host_event(&vm->host, caller->vcpu, EVENT_RMPADJUST, gpa, size,
			       answer->eax, rdx);
	if (outcome != SNP_WALK)
		return outcome;
	do {
		struct rmp_key key = snp_host_key(&vm->host, gpa);

		rmp_rmpadjust(&vm->host.rmp, &key, caller->vmpl, rcx, rdx, &result);
		settled = settle(vm, caller->vcpu, gpa, &result, answer);
	} while (!settled);
	if (settled < 0)
		return SNP_STOPPED;
	if (result.outcome == RMP_NOT_VALIDATED) {
		answer->fault.platform = VC_NOT_VALIDATED;
		return SNP_NOT_VALIDATED;
	}
	answer->eax = result.code;
	snp_host_event(&vm->host, caller->vcpu, EVENT_RMPADJUST, gpa, size,
			       answer->eax, rdx);
	if (result.code == RMP_SUCCESS)
		snp_host_lost_access(&vm->host, gpa, size);
	return SNP_DONE;
}

/* --- conversions ---------------------------------------------------------- */

static uint64_t accepted_in(const struct snp_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t unit = vm->host.rmp.unit[gpa / MODEL_UNIT_SIZE].gpa_flags;
	uint64_t bytes = 0, page;

	if (!vm->host.remaps && !(unit & RMP_SPLIT))
		return unit & RMP_VALIDATED ? size : 0;
	for (page = gpa; page < gpa + size; page += MODEL_PAGE_SIZE)
		if (snp_vm_page_state(vm, page) == PAGE_ACCEPTED)
			bytes += MODEL_PAGE_SIZE;
	return bytes;
}

/* A range in one unit changes hands; 0 or -1 if the host refuses. */
static int convert(struct snp_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
		   unsigned int op)
{
	uint64_t detail = op == PSC_SHARED ? CONVERT_SHARED : CONVERT_PRIVATE;

	if (vm->psc_errors || !ram_contains(&vm->host.ram, gpa, size)) {
		vm->psc_errors -= vm->psc_errors ? 1 : 0;
		snp_host_event(&vm->host, vcpu, EVENT_CONVERT, gpa, size, PSC_ERROR_GENERIC,
			       detail);
		return -1;
	}
	snp_host_event(&vm->host, vcpu, EVENT_CONVERT, gpa, size, 0, detail);
	if (op == PSC_SHARED) {
		vm->accepted -= accepted_in(vm, gpa, size);
		snp_host_make_shared(&vm->host, vcpu, gpa, size);
	} else {
		snp_host_make_private(&vm->host, vcpu, gpa, size);
	}
	return 0;
}

/* --- GHCB MSR protocol ---------------------------------------------------- */

static uint64_t msr_cpuid(struct snp_vm *vm, unsigned int vcpu, uint64_t request)
{
	uint32_t regs[4] = { 0 };

	if (vm->host.ops.cpuid)
		vm->host.ops.cpuid(vm->host.ops.opaque, vcpu, request >> 32, 0, regs);
	return (uint64_t)regs[request >> 30 & 3] << 32 | (request & 0xc0000000) |
	       GHCB_MSR_CPUID_RESP;
}

static uint64_t msr_register(struct snp_vm *vm, unsigned int vcpu, uint64_t request)
{
	uint64_t gpa = request & PAGE_MASK;

	if (vcpu >= vm->config.vcpus || !ram_contains(&vm->host.ram, gpa, MODEL_PAGE_SIZE))
		return GHCB_NO_FRAME << 12 | GHCB_MSR_REG_GPA_RESP;
	vm->registered[vcpu] = gpa + 1;
	return gpa | GHCB_MSR_REG_GPA_RESP;
}

static uint64_t msr_psc(struct snp_vm *vm, unsigned int vcpu, uint64_t request)
{
	unsigned int op = psc_op_of(request);

	if ((op != PSC_PRIVATE && op != PSC_SHARED) ||
	    convert(vm, vcpu, psc_gpa(request), MODEL_PAGE_SIZE, op))
		return GHCB_MSR_PSC_ERROR | GHCB_MSR_PSC_RESP;
	return GHCB_MSR_PSC_RESP;
}

static uint64_t msr_preferred(const struct snp_vm *vm)
{
	uint64_t gpa = vm->config.preferred_ghcb_gpa;

	return (gpa ? gpa & PAGE_MASK : GHCB_NO_FRAME << 12) | GHCB_MSR_PREF_GPA_RESP;
}

static uint64_t msr_sev_info(const struct snp_vm *vm)
{
	return (uint64_t)GHCB_VERSION_MAX << 48 | (uint64_t)GHCB_VERSION_MIN << 32 |
	       (uint64_t)vm->config.c_bit << 24 | GHCB_MSR_SEV_INFO_RESP;
}

/* only a host with the multi-VMPL feature (bit 5) knows the request */
static uint64_t msr_vmpl(const struct snp_vm *vm, uint64_t request)
{
	return vm->config.hv_features & 1u << 5 ? GHCB_MSR_VMPL_RESP : request;
}

void snp_ghcb_msr(struct snp_vm *vm, unsigned int vcpu, uint64_t request,
		  struct ghcb_msr_answer *answer)
{
	*answer = (struct ghcb_msr_answer){ .action = GHCB_MSR_RESUME, .msr = request };
	switch (request & 0xfff) {
	case 0:
		answer->action = GHCB_MSR_PAGE;
		break;
	case GHCB_MSR_SEV_INFO_REQ:
		answer->msr = msr_sev_info(vm);
		break;
	case GHCB_MSR_CPUID_REQ:
		answer->msr = msr_cpuid(vm, vcpu, request);
		break;
	case GHCB_MSR_AP_RESET_HOLD_REQ:
		answer->action = GHCB_MSR_AP_RESET_HOLD;
		answer->msr = 1ull << 12 | GHCB_MSR_AP_RESET_HOLD_RESP;
		break;
	case GHCB_MSR_PREF_GPA_REQ:
		answer->msr = msr_preferred(vm);
		break;
	case GHCB_MSR_REG_GPA_REQ:
		answer->msr = msr_register(vm, vcpu, request);
		break;
	case GHCB_MSR_PSC_REQ:
		answer->msr = msr_psc(vm, vcpu, request);
		break;
	case GHCB_MSR_VMPL_REQ:
		answer->msr = msr_vmpl(vm, request);
		break;
	case GHCB_MSR_HV_FT_REQ:
		answer->msr = vm->config.hv_features << 12 | GHCB_MSR_HV_FT_RESP;
		break;
	case GHCB_MSR_TERM_REQ:
		answer->action = GHCB_MSR_TERMINATE;
		answer->set = request >> 12 & 0xf;
		answer->reason = request >> 16 & 0xff;
		break;
	}
}

/* --- GHCB page protocol --------------------------------------------------- */

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
		   !snp_host_may_touch(vm, start, length)) {
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
	return vm->host.ops.guest_memory ?
		       vm->host.ops.guest_memory(vm->host.ops.opaque, request->scratch, *room) :
		       NULL;
}

static int psc_step(struct snp_vm *vm, unsigned int vcpu, struct psc_list *list,
		    const struct psc_step *step)
{
	int known = step->op == PSC_PRIVATE || step->op == PSC_SHARED;

	/* hints and unknown operations count as done */
	if (known && convert(vm, vcpu, step->gpa, step->size, step->op))
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

/* A hostile host gives back less progress than the guest came with */
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
	    !snp_host_may_touch(vm, gpa, MODEL_PAGE_SIZE)) {
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

int snp_vm_is_vmsa(const struct snp_vm *vm, uint64_t gpa)
{
	return snp_vm_page_state(vm, gpa) == PAGE_ACCEPTED &&
	       snp_vm_rmp_entry(vm, gpa).gpa_flags & RMP_VMSA;
}

/* --- what is known -------------------------------------------------------- */

struct rmp_entry snp_vm_rmp_entry(const struct snp_vm *vm, uint64_t gpa)
{
	return rmp_read(&vm->host.rmp, snp_host_spa(&vm->host, gpa));
}

enum page_state snp_vm_page_state(const struct snp_vm *vm, uint64_t gpa)
{
	struct rmp_entry entry;

	gpa &= PAGE_MASK;
	if (!ram_contains(&vm->host.ram, gpa, MODEL_PAGE_SIZE))
		return PAGE_HOST;
	entry = snp_vm_rmp_entry(vm, gpa);
	if (!(entry.gpa_flags & RMP_ASSIGNED) || entry.asid != vm->config.asid ||
	    (entry.gpa_flags & PAGE_MASK) != gpa)
		return PAGE_HOST;
	return entry.gpa_flags & RMP_VALIDATED ? PAGE_ACCEPTED : PAGE_UNACCEPTED;
}

static const char *ownership(const struct snp_vm *vm, uint64_t gpa)
{
	static const char *const names[] = { "private, not assigned", "private, not validated",
					     "private, validated" };

	if (!ram_contains(&vm->host.ram, gpa & PAGE_MASK, MODEL_PAGE_SIZE))
		return "not RAM";
	if (attr_is_shared(&vm->host.attr, gpa))
		return "shared (owned by the host)";
	return names[snp_vm_page_state(vm, gpa)];
}

int snp_vm_describe(const struct snp_vm *vm, uint64_t gpa, char *text, size_t size)
{
	struct rmp_entry entry = snp_vm_rmp_entry(vm, gpa);
	uint64_t flags = entry.gpa_flags;

	if (!(flags & RMP_ASSIGNED))
		return snprintf(text, size, "%s", ownership(vm, gpa));
	return snprintf(text, size,
			"%s; RMP: %s page of ASID %u at GPA 0x%llx%s%s, "
			"VMPL permissions %02x %02x %02x %02x",
			ownership(vm, gpa), flags & RMP_SIZE_2M ? "2M" : "4K", entry.asid,
			(unsigned long long)(flags & PAGE_MASK),
			flags & RMP_VMSA ? ", save area" : "",
			flags & RMP_IMMUTABLE ? ", immutable" : "", entry.perms[0],
			entry.perms[1], entry.perms[2], entry.perms[3]);
}

/* State of the page at gpa, and how far (in its unit) it surely reaches */
static enum page_state state_from(const struct snp_vm *vm, uint64_t gpa, uint64_t end,
				  uint64_t *length)
{
	uint64_t unit = vm->host.rmp.unit[gpa / MODEL_UNIT_SIZE].gpa_flags;
	int uniform = !(unit & RMP_SPLIT) && !vm->host.remaps;

	*length = uniform ? in_unit(gpa, end) : MODEL_PAGE_SIZE;
	return snp_vm_page_state(vm, gpa);
}

int snp_vm_next_run(const struct snp_vm *vm, uint64_t *cursor, struct page_run *run)
{
	uint64_t start, stop, length, at;

	if (!ram_next(&vm->host.ram, *cursor, vm->config.top, &start, &stop))
		return 0;
	run->start = start;
	run->state = state_from(vm, start, stop, &length);
	for (at = start + length; at < stop; at += length)
		if (state_from(vm, at, stop, &length) != run->state)
			break;
	run->size = at - start;
	*cursor = at;
	return 1;
}

uint64_t snp_vm_accepted_bytes(const struct snp_vm *vm)
{
	return vm->accepted;
}

/* --- hostile acts --------------------------------------------------------- */

static void attack_event(const struct snp_vm *vm, enum attack attack, uint64_t gpa,
			 uint64_t size)
{
	snp_host_event(&vm->host, 0, EVENT_ATTACK, gpa, size, 0, attack);
}

/* Acts on one page: its unit must be in pages first. -1: not a page of the guest. */
static int attack_page(struct snp_vm *vm, enum attack attack, uint64_t gpa)
{
	if (!range_ok(vm, gpa, MODEL_PAGE_SIZE) || snp_vm_page_state(vm, gpa) == PAGE_HOST)
		return -1;
	snp_host_split(&vm->host, 0, gpa);
	attack_event(vm, attack, gpa, MODEL_PAGE_SIZE);
	return 0;
}

/* After the act the page may have another state: keep the count right. */
static void recount(struct snp_vm *vm, uint64_t gpa, enum page_state before)
{
	enum page_state after = snp_vm_page_state(vm, gpa);

	vm->accepted -= before == PAGE_ACCEPTED ? MODEL_PAGE_SIZE : 0;
	vm->accepted += after == PAGE_ACCEPTED ? MODEL_PAGE_SIZE : 0;
	snp_host_lost_access(&vm->host, gpa, MODEL_PAGE_SIZE);
}

int snp_attack_remap(struct snp_vm *vm, uint64_t gpa)
{
	enum page_state before = snp_vm_page_state(vm, gpa);
	uint64_t spa = vm->host.spare + vm->host.spare_used * MODEL_PAGE_SIZE;

	if (vm->host.spare_used == SNP_SPARE_PAGES || vm->host.remaps == SNP_SPARE_PAGES ||
	    attack_page(vm, ATTACK_REMAP, gpa))
		return -1;
	vm->host.spare_used++;
	snp_host_remap(&vm->host, gpa, spa);
	snp_host_give_page(&vm->host, gpa);
	recount(vm, gpa, before);
	return 0;
}

int snp_attack_remap_back(struct snp_vm *vm, uint64_t gpa)
{
	enum page_state before = snp_vm_page_state(vm, gpa);

	if (!range_ok(vm, gpa, MODEL_PAGE_SIZE) || snp_host_spa(&vm->host, gpa) == gpa)
		return -1;
	attack_event(vm, ATTACK_REMAP_BACK, gpa, MODEL_PAGE_SIZE);
	snp_host_unmap(&vm->host, gpa);
	recount(vm, gpa, before);
	return 0;
}

int snp_attack_alias(struct snp_vm *vm, uint64_t gpa, uint64_t other)
{
	enum page_state before = snp_vm_page_state(vm, gpa);
	uint64_t spa = snp_host_spa(&vm->host, other);

	if (!range_ok(vm, other, MODEL_PAGE_SIZE) || other == gpa ||
	    vm->host.remaps == SNP_SPARE_PAGES || attack_page(vm, ATTACK_ALIAS, gpa))
		return -1;
	snp_host_remap(&vm->host, gpa, spa);
	recount(vm, gpa, before);
	return 0;
}

int snp_attack_reassign(struct snp_vm *vm, uint64_t gpa)
{
	enum page_state before = snp_vm_page_state(vm, gpa);

	if (attack_page(vm, ATTACK_REASSIGN, gpa))
		return -1;
	snp_host_take_page(&vm->host, gpa);
	snp_host_give_page(&vm->host, gpa);
	recount(vm, gpa, before);
	return 0;
}

int snp_attack_unassign(struct snp_vm *vm, uint64_t gpa)
{
	enum page_state before = snp_vm_page_state(vm, gpa);

	if (attack_page(vm, ATTACK_UNASSIGN, gpa))
		return -1;
	snp_host_take_page(&vm->host, gpa);
	attr_set_shared(&vm->host.attr, gpa, MODEL_PAGE_SIZE);
	recount(vm, gpa, before);
	return 0;
}

int snp_attack_psc_error(struct snp_vm *vm, uint32_t count)
{
	vm->psc_errors = count;
	attack_event(vm, ATTACK_PSC_ERROR, 0, 0);
	return 0;
}

int snp_attack_psc_rewind(struct snp_vm *vm, uint32_t count)
{
	vm->psc_rewinds = count;
	attack_event(vm, ATTACK_PSC_REWIND, 0, 0);
	return 0;
}
