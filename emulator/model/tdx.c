/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx.h"

#include <stdio.h>
#include <string.h>

#include "attack.h"
#include "tdx_host.h"

#define UNIT_MASK (~(MODEL_UNIT_SIZE - 1))
#define PAGE_MASK (~(MODEL_PAGE_SIZE - 1))
/* an honest host needs two rounds at most: AUG, then DEMOTE */
#define ROUNDS_MAX 8
#define BUSY_LIMIT_DEFAULT 1000

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
	struct tdx_vcpu *vcpu;
	uint32_t busy;		/* accepts that a hostile host still disturbs */
	uint32_t retries;	/* MapGPA calls that it still puts off */
};

/* --- making a TD ---------------------------------------------------------- */

struct layout {
	uint64_t units;
	size_t unit, page, attr_unit, attr_page, vcpu, end;
};

static size_t place(size_t *at, uint64_t bytes)
{
	size_t start = *at;

	*at += (bytes + 4095) & ~4095ull;
	return start;
}

static int layout_of(const struct tdx_config *config, struct layout *layout)
{
	size_t at = 0;

	if ((config->gpaw != 48 && config->gpaw != 52) || !config->top ||
	    config->top > 1ull << (config->gpaw - 1) || config->top % MODEL_PAGE_SIZE ||
	    !config->vcpus || config->vcpus > TDX_VCPUS_MAX ||
	    config->map_gpa_chunk % MODEL_PAGE_SIZE)
		return -1;
	layout->units = (config->top + MODEL_UNIT_SIZE - 1) / MODEL_UNIT_SIZE;
	place(&at, sizeof(struct tdx_vm));
	layout->unit = place(&at, layout->units * sizeof(struct sept_unit));
	layout->page = place(&at, layout->units * MODEL_UNIT_PAGES * sizeof(struct sept_page));
	layout->attr_unit = place(&at, layout->units);
	layout->attr_page = place(&at, layout->units * MODEL_UNIT_PAGES / 8);
	layout->vcpu = place(&at, config->vcpus * sizeof(struct tdx_vcpu));
	layout->end = at;
	return 0;
}

size_t tdx_vm_bytes(const struct tdx_config *config)
{
	struct layout layout;

	return layout_of(config, &layout) ? 0 : layout.end;
}

struct tdx_vm *tdx_vm_init(void *memory, const struct tdx_config *config,
			   const struct model_ops *ops)
{
	struct tdx_vm *vm = memory;
	uint8_t *base = memory;
	struct layout layout;

	if (layout_of(config, &layout))
		return NULL;
	vm->config = *config;
	if (!vm->config.busy_limit)
		vm->config.busy_limit = BUSY_LIMIT_DEFAULT;
	vm->host.ops = *ops;
	vm->host.backing_4k = config->backing_4k;
	vm->host.assign_advance = config->assign_advance;
	vm->host.sept.units = layout.units;
	vm->host.sept.unit = (struct sept_unit *)(base + layout.unit);
	vm->host.sept.page = (struct sept_page *)(base + layout.page);
	vm->host.attr.unit = base + layout.attr_unit;
	vm->host.attr.page = (uint64_t *)(base + layout.attr_page);
	vm->vcpu = (struct tdx_vcpu *)(base + layout.vcpu);
	if (config->attributes & TDX_ATTR_SEPT_VE_DISABLE)
		vm->td_ctls = TDX_TD_CTLS_PENDING_VE_DISABLE;
	return vm;
}

int tdx_vm_add_ram(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	return ram_add(&vm->host.ram, gpa, size, vm->config.top);
}

/* Length of the part of [gpa, end) that lies in gpa's unit */
static uint64_t in_unit(uint64_t gpa, uint64_t end)
{
	uint64_t unit_end = (gpa & UNIT_MASK) + MODEL_UNIT_SIZE;

	return (end < unit_end ? end : unit_end) - gpa;
}

static int range_ok(const struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	return size && !((gpa | size) % MODEL_PAGE_SIZE) &&
	       ram_contains(&vm->host.ram, gpa, size);
}

/* What firmware accepted as one 2M page: AUG and ACCEPT, content kept */
static int launch_unit(struct tdx_vm *vm, uint64_t gpa)
{
	struct sept *sept = &vm->host.sept;

	if (!tdx_host_unit_2m(&vm->host, gpa) ||
	    sept_page_aug(sept, gpa, SEPT_2M, gpa) != TDX_SUCCESS)
		return -1;
	sept_set_state(sept, gpa, SEPT_2M, SEPT_MAPPED);
	sept->unit[gpa / MODEL_UNIT_SIZE].flags |= SEPT_STALE;
	return 0;
}

static int launch_part(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size;

	if (size == MODEL_UNIT_SIZE && !launch_unit(vm, gpa))
		return 0;
	sept_sept_add(&vm->host.sept, gpa & UNIT_MASK);
	for (; gpa < end; gpa += MODEL_PAGE_SIZE)
		if (attr_is_shared(&vm->host.attr, gpa) ||
		    sept_page_add(&vm->host.sept, gpa) != TDX_SUCCESS)
			return -1;
	return 0;
}

int tdx_vm_launch(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
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

int tdx_vm_share(struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t end = gpa + size, page;

	if (!range_ok(vm, gpa, size))
		return -1;
	for (page = gpa; page < end; page += MODEL_PAGE_SIZE)
		if (tdx_vm_page_state(vm, page) != PAGE_HOST)
			return -1;
	for (; gpa < end; gpa += in_unit(gpa, end))
		tdx_host_make_shared(&vm->host, 0, gpa, in_unit(gpa, end));
	return 0;
}

static void start_range(struct tdx_vm *vm, uint64_t gpa, uint64_t end)
{
	uint64_t page, got;

	for (page = gpa; page < end; page = (page & ~(got - 1)) + got) {
		got = tdx_host_assign(&vm->host, page, SEPT_2M);
		if (!got)
			return;
	}
	tdx_host_event(&vm->host, 0, EVENT_ASSIGN, gpa, end - gpa, 0, 0);
}

int tdx_vm_start(struct tdx_vm *vm)
{
	uint64_t cursor = 0, at;
	struct page_run run;

	vm->host.sept.running = 1;
	if (!vm->config.assign_advance)
		return 0;
	while (tdx_vm_next_run(vm, &cursor, &run)) {
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

static int beyond_width(const struct tdx_vm *vm, uint64_t gpa)
{
	return gpa >> (vm->config.gpaw - 1) != 0;
}

static void stopped(struct access_fault *fault, enum stop_reason stop, uint64_t exit_info)
{
	fault->stop = stop;
	fault->platform = VMX_EXIT_EPT_VIOLATION;
	fault->exit_info = exit_info;
}

/* Exit qualification of the EPT violation (SDM Vol 3, table 28-7) */
static uint64_t qualification(const struct access *access)
{
	const uint64_t linear_valid = 1u << 7, not_a_walk = 1u << 8;

	switch (access->kind) {
	case ACCESS_WRITE:
		return 1u << 1 | linear_valid | not_a_walk;
	case ACCESS_FETCH:
		return 1u << 2 | linear_valid | not_a_walk;
	case ACCESS_WALK:
		return 1u << 0 | linear_valid;
	default:
		return 1u << 0 | linear_valid | not_a_walk;
	}
}

static enum access_verdict pending_ve(const struct access *access, struct access_fault *fault)
{
	fault->platform = VMX_EXIT_EPT_VIOLATION;
	fault->ve = (struct ve_info){
		.reason = VMX_EXIT_EPT_VIOLATION,
		.qualification = qualification(access),
		.gla = access->gla,
		.gpa = access->gpa,
	};
	return VERDICT_GUEST_FAULT;
}

static enum access_verdict private_access(struct tdx_vm *vm, unsigned int vcpu,
					  const struct access *access,
					  struct access_fault *fault)
{
	int ve_disable = vm->td_ctls & TDX_TD_CTLS_PENDING_VE_DISABLE;
	enum stop_reason stop = STOP_NO_PROGRESS;
	uint64_t exit_info = 0;
	unsigned int round;

	for (round = 0; round < ROUNDS_MAX; round++) {
		switch (sept_access(&vm->host.sept, access->gpa, access->kind, ve_disable,
				    &exit_info)) {
		case SEPT_ALLOWED:
			return VERDICT_ALLOWED;
		case SEPT_VE:
			return pending_ve(access, fault);
		case SEPT_EXIT:
			break;
		}
		stop = tdx_host_fault(&vm->host, vcpu, access->gpa, exit_info);
		if (stop != STOP_NONE)
			break;
		stop = STOP_NO_PROGRESS;
	}
	stopped(fault, stop, exit_info);
	return VERDICT_STOPPED;
}

enum access_verdict tdx_access(struct tdx_vm *vm, unsigned int vcpu,
			       const struct access *access,
			       struct access_fault *fault)
{
	memset(fault, 0, sizeof(*fault));
	if (beyond_width(vm, access->gpa))
		return VERDICT_RESERVED;
	if (!ram_contains(&vm->host.ram, access->gpa & PAGE_MASK, MODEL_PAGE_SIZE)) {
		if (!access->private)
			return VERDICT_MMIO;
		stopped(fault, STOP_NOT_RAM, TDX_EEQ_NONE);
		return VERDICT_STOPPED;
	}
	if (access->private)
		return private_access(vm, vcpu, access, fault);
	if (attr_is_shared(&vm->host.attr, access->gpa))
		return VERDICT_ALLOWED;
	stopped(fault, STOP_SHARED_ACCESS, TDX_EEQ_NONE);
	return VERDICT_STOPPED;
}

int tdx_host_may_touch(const struct tdx_vm *vm, uint64_t gpa, uint64_t size)
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

/* --- #VE ------------------------------------------------------------------ */

enum tdx_raise tdx_raise_ve(struct tdx_vm *vm, unsigned int vcpu, const struct ve_info *info)
{
	struct tdx_vcpu *state = &vm->vcpu[vcpu];

	if (state->ve_valid)
		return TDX_RAISE_DOUBLE_FAULT;
	state->ve = *info;
	state->ve_valid = 0xffffffff;
	return TDX_RAISE_VE;
}

static uint64_t veinfo_get(struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs)
{
	struct tdx_vcpu *state = &vm->vcpu[vcpu];

	if (!state->ve_valid)
		return TDX_NO_VE_INFO;
	regs->r[TDX_RCX] = state->ve.reason;
	regs->r[TDX_RDX] = state->ve.qualification;
	regs->r[TDX_R8] = state->ve.gla;
	regs->r[TDX_R9] = state->ve.gpa;
	regs->r[TDX_R10] = state->ve.length | (uint64_t)state->ve.info << 32;
	state->ve_valid = 0;
	return TDX_SUCCESS;
}

/* --- PAGE.ACCEPT ---------------------------------------------------------- */

static int accept_operand_ok(const struct tdx_vm *vm, uint64_t rcx, uint64_t *gpa,
			     unsigned int *level, uint64_t *size)
{
	*level = rcx & 7;
	*gpa = rcx & 0x000ffffffffff000ull;
	*size = *level <= SEPT_1G ? MODEL_PAGE_SIZE << 9 * *level : 0;
	return *level <= SEPT_2M && !(rcx & 0xff8) && !(rcx >> 52) && !(*gpa % *size) &&
	       !beyond_width(vm, *gpa);
}

static void accept_event(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
			 uint64_t status)
{
	tdx_host_event(&vm->host, vcpu, EVENT_ACCEPT, gpa, size, status, 0);
}

static int is_stale(const struct tdx_vm *vm, uint64_t gpa, unsigned int level)
{
	const struct sept *sept = &vm->host.sept;

	return (level == SEPT_2M ? sept->unit[gpa / MODEL_UNIT_SIZE].flags :
				   sept->page[gpa / MODEL_PAGE_SIZE].flags) & SEPT_STALE;
}

/* Zeroes what is left of a pending page; 1 when done, 0 when an interrupt came first */
static int zero_and_map(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, unsigned int level)
{
	const struct model_ops *ops = &vm->host.ops;
	int stale = is_stale(vm, gpa, level);

	for (;;) {
		uint64_t page = sept_accept_next(&vm->host.sept, gpa, level);

		if (stale && ops->scrub)
			ops->scrub(ops->opaque, page, MODEL_PAGE_SIZE);
		if (sept_accept_page_done(&vm->host.sept, gpa, level))
			return 1;
		if (ops->interrupt_pending && ops->interrupt_pending(ops->opaque, vcpu))
			return 0;
	}
}

static enum tdx_outcome accept_exit(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa,
				    uint64_t exit_info, struct tdx_answer *answer)
{
	int stop = gpa < vm->config.top ? tdx_host_fault(&vm->host, vcpu, gpa, exit_info) :
					  STOP_NOT_RAM;

	if (stop == STOP_NONE && ++answer->exits >= ROUNDS_MAX)
		stop = STOP_NO_PROGRESS;
	if (stop == STOP_NONE)
		return TDX_DONE;
	answer->gpa = gpa;
	stopped(&answer->fault, stop, exit_info);
	return TDX_STOPPED;
}

static enum tdx_outcome accept_status(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa,
				      uint64_t size, uint64_t status, uint64_t *rax,
				      struct tdx_answer *answer)
{
	struct tdx_vcpu *state = &vm->vcpu[vcpu];

	if (status == (TDX_OPERAND_BUSY | TDX_OPERAND_RCX)) {
		vm->busy--;
		/* the module gives up when the host keeps the entry's lock too long */
		if (++state->busy_in_a_row > vm->config.busy_limit) {
			answer->gpa = gpa;
			stopped(&answer->fault, STOP_NO_PROGRESS, TDX_OPERAND_BUSY_HOST_PRIORITY);
			return TDX_STOPPED;
		}
	} else {
		state->busy_in_a_row = 0;
	}
	*rax = status;
	accept_event(vm, vcpu, gpa, size, status);
	return TDX_DONE;
}

static enum sept_accept try_accept(const struct tdx_vm *vm, uint64_t gpa, unsigned int level,
				   uint64_t *status, uint64_t *exit_info)
{
	/* nothing is mapped where the guest has no memory at all */
	if (gpa >= vm->config.top)
		return SEPT_ACCEPT_EXIT;
	return sept_accept(&vm->host.sept, gpa, level, vm->busy != 0, status, exit_info);
}

enum tdx_outcome tdx_page_accept(struct tdx_vm *vm, unsigned int vcpu, uint64_t rcx,
				 uint64_t *rax, struct tdx_answer *answer)
{
	uint64_t gpa, size, status = 0, exit_info = TDX_EEQ_ACCEPT;
	unsigned int level;
	enum sept_accept result;

	memset(answer, 0, sizeof(*answer));
	if (!accept_operand_ok(vm, rcx, &gpa, &level, &size))
		return accept_status(vm, vcpu, gpa, size, TDX_OPERAND_INVALID | TDX_OPERAND_RCX,
				     rax, answer);
	for (;;) {
		result = try_accept(vm, gpa, level, &status, &exit_info);
		if (result != SEPT_ACCEPT_EXIT)
			break;
		if (accept_exit(vm, vcpu, gpa, exit_info, answer) != TDX_DONE)
			return TDX_STOPPED;
	}
	if (result == SEPT_ACCEPT_ZERO) {
		if (!zero_and_map(vm, vcpu, gpa, level))
			return TDX_INTERRUPTED;
		vm->accepted += size;
	}
	return accept_status(vm, vcpu, gpa, size, result == SEPT_ACCEPT_ZERO ? 0 : status, rax,
			     answer);
}

/* --- metadata ------------------------------------------------------------- */

/* The fields that a guest may name; 0 or the status */
static uint64_t field_of(struct tdx_vm *vm, uint64_t id, uint64_t **field, uint64_t *writable)
{
	*writable = 0;
	switch (id) {
	case TDX_FIELD_ATTRIBUTES:
		*field = &vm->config.attributes;
		return TDX_SUCCESS;
	case TDX_FIELD_CONFIG_FLAGS:
		*field = &vm->config.config_flags;
		return TDX_SUCCESS;
	case TDX_FIELD_TD_CTLS:
		*field = &vm->td_ctls;
		if (vm->config.config_flags & TDX_CONFIG_FLEXIBLE_PENDING_VE)
			*writable = TDX_TD_CTLS_PENDING_VE_DISABLE;
		return TDX_SUCCESS;
	case TDX_FIELD_NOTIFY_ENABLES:
		*field = &vm->notify_enables;
		*writable = 1;
		return TDX_SUCCESS;
	default:
		return TDX_METADATA_FIELD_ID_INCORRECT | TDX_OPERAND_RDX;
	}
}

static uint64_t vm_rd(struct tdx_vm *vm, struct tdx_regs *regs)
{
	uint64_t *field, writable, status;

	status = field_of(vm, regs->r[TDX_RDX], &field, &writable);
	regs->r[TDX_R8] = status ? 0 : *field;
	return status;
}

static uint64_t vm_wr(struct tdx_vm *vm, struct tdx_regs *regs)
{
	uint64_t *field, writable, status, old;

	status = field_of(vm, regs->r[TDX_RDX], &field, &writable);
	if (status)
		return status;
	writable &= regs->r[TDX_R9];
	if (!writable)
		return TDX_METADATA_FIELD_NOT_WRITABLE | TDX_OPERAND_RDX;
	old = *field;
	*field = (old & ~writable) | (regs->r[TDX_R8] & writable);
	regs->r[TDX_R8] = old;
	return TDX_SUCCESS;
}

/* --- other leaves --------------------------------------------------------- */

static uint64_t vp_info(const struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs)
{
	regs->r[TDX_RCX] = vm->config.gpaw;
	regs->r[TDX_RDX] = vm->config.attributes;
	regs->r[TDX_R8] = vm->config.vcpus | (uint64_t)vm->config.vcpus << 32;
	regs->r[TDX_R9] = vcpu;
	regs->r[TDX_R10] = 0;
	regs->r[TDX_R11] = 0;
	return TDX_SUCCESS;
}

/*
 * An operand buffer in guest memory that the module uses for the guest: the
 * rules of an access by the guest itself (semantics 2.6).
 */
static enum tdx_outcome use_buffer(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa,
				   uint64_t size, enum access_kind kind,
				   enum tdx_operand operand, uint8_t **buffer, uint64_t *status,
				   struct tdx_answer *answer)
{
	struct access access = { .gpa = gpa, .kind = kind, .private = 1 };
	const struct model_ops *ops = &vm->host.ops;

	*buffer = NULL;
	*status = TDX_OPERAND_INVALID | operand;
	if (gpa % size || beyond_width(vm, gpa))
		return TDX_DONE;
	answer->gpa = gpa;
	switch (tdx_access(vm, vcpu, &access, &answer->fault)) {
	case VERDICT_ALLOWED:
		*status = TDX_SUCCESS;
		if (ops->guest_memory)
			*buffer = ops->guest_memory(ops->opaque, gpa, size);
		return TDX_DONE;
	case VERDICT_GUEST_FAULT:
		return TDX_FAULT_VE;
	case VERDICT_STOPPED:
		return TDX_STOPPED;
	default:
		return TDX_DONE;
	}
}

#define REPORT_SIZE 1024u
#define REPORT_DATA_SIZE 64u
#define REPORT_DATA_OFFSET 128u	/* in REPORTMACSTRUCT */
#define REPORT_TYPE_TDX 0x81u

/* A report with the guest's own data, and zero wherever hardware would vouch for something */
static enum tdx_outcome mr_report(struct tdx_vm *vm, unsigned int vcpu,
				  const struct tdx_regs *regs, uint64_t *status,
				  struct tdx_answer *answer)
{
	uint8_t *report, *data;
	enum tdx_outcome outcome;

	outcome = use_buffer(vm, vcpu, regs->r[TDX_RCX], REPORT_SIZE, ACCESS_WRITE,
			     TDX_OPERAND_RCX, &report, status, answer);
	if (outcome != TDX_DONE || *status)
		return outcome;
	outcome = use_buffer(vm, vcpu, regs->r[TDX_RDX], REPORT_DATA_SIZE, ACCESS_READ,
			     TDX_OPERAND_RDX, &data, status, answer);
	if (outcome != TDX_DONE || *status)
		return outcome;
	if (regs->r[TDX_R8])
		*status = TDX_OPERAND_INVALID | TDX_OPERAND_R8;
	if (!*status && report && data) {
		uint8_t copy[REPORT_DATA_SIZE];

		memcpy(copy, data, sizeof(copy));
		memset(report, 0, REPORT_SIZE);
		report[0] = REPORT_TYPE_TDX;
		memcpy(report + REPORT_DATA_OFFSET, copy, sizeof(copy));
	}
	return TDX_DONE;
}

/* Measurements are not kept: only the operands are checked. */
static enum tdx_outcome rtmr_extend(struct tdx_vm *vm, unsigned int vcpu,
				    const struct tdx_regs *regs, uint64_t *status,
				    struct tdx_answer *answer)
{
	uint8_t *data;
	enum tdx_outcome outcome;

	outcome = use_buffer(vm, vcpu, regs->r[TDX_RCX], 64, ACCESS_READ, TDX_OPERAND_RCX,
			     &data, status, answer);
	if (outcome == TDX_DONE && !*status && regs->r[TDX_RDX] > 3)
		*status = TDX_OPERAND_INVALID | TDX_OPERAND_RDX;
	return outcome;
}

/* --- MapGPA --------------------------------------------------------------- */

static uint64_t accepted_in(const struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	const struct sept_unit *unit = &vm->host.sept.unit[gpa / MODEL_UNIT_SIZE];
	uint64_t bytes = 0, page;

	if (unit->state != SEPT_NL_MAPPED)
		return tdx_vm_page_state(vm, gpa) == PAGE_ACCEPTED ? size : 0;
	for (page = gpa; page < gpa + size; page += MODEL_PAGE_SIZE)
		if (tdx_vm_page_state(vm, page) == PAGE_ACCEPTED)
			bytes += MODEL_PAGE_SIZE;
	return bytes;
}

static void convert(struct tdx_vm *vm, unsigned int vcpu, uint64_t gpa, uint64_t size,
		    int shared)
{
	uint64_t end = gpa + size, part;

	for (; gpa < end; gpa += part) {
		part = in_unit(gpa, end);
		if (shared) {
			vm->accepted -= accepted_in(vm, gpa, part);
			tdx_host_make_shared(&vm->host, vcpu, gpa, part);
		} else {
			tdx_host_make_private(&vm->host, vcpu, gpa, part);
		}
	}
}

/* R10 for the operands as KVM checks them */
static uint64_t map_gpa_check(const struct tdx_vm *vm, uint64_t gpa, uint64_t size)
{
	uint64_t shared_bit = tdx_vm_shared_bit(vm), last = gpa + size - 1;

	if (!size || last < gpa || (gpa & shared_bit) != (last & shared_bit) ||
	    last >> vm->config.gpaw)
		return TDVMCALL_INVALID_OPERAND;
	if ((gpa | size) % MODEL_PAGE_SIZE)
		return TDVMCALL_ALIGN_ERROR;
	if (!ram_contains(&vm->host.ram, gpa & ~shared_bit, size))
		return TDVMCALL_INVALID_OPERAND;
	return TDVMCALL_SUCCESS;
}

static void map_gpa(struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs,
		    const struct tdx_vmcall *vmcall)
{
	uint64_t shared_bit = tdx_vm_shared_bit(vm), start = vmcall->gpa;
	uint64_t gpa = start & ~shared_bit, size = vmcall->value;
	int shared = !!(start & shared_bit);
	uint64_t status = map_gpa_check(vm, start, size), done = size;

	if (!status && vm->retries) {
		vm->retries--;
		status = TDVMCALL_RETRY;
		done = 0;
	} else if (!status && vm->config.map_gpa_chunk && size > vm->config.map_gpa_chunk) {
		status = TDVMCALL_RETRY;
		done = vm->config.map_gpa_chunk;
	}
	tdx_host_event(&vm->host, vcpu, EVENT_CONVERT, gpa, done, status,
		       shared ? CONVERT_SHARED : CONVERT_PRIVATE);
	if (status == TDVMCALL_SUCCESS || status == TDVMCALL_RETRY)
		convert(vm, vcpu, gpa, done, shared);
	tdx_vmcall_status(regs, vmcall, status,
			  status == TDVMCALL_RETRY ? start + done :
			  status ? start : regs->r[TDX_R11]);
}

/* --- dispatch ------------------------------------------------------------- */

static enum tdx_outcome vmcall(struct tdx_vm *vm, unsigned int vcpu, struct tdx_regs *regs,
			       struct tdx_answer *answer)
{
	struct tdx_vmcall *call = &answer->vmcall;

	if (tdvmcall_decode(regs, call)) {
		regs->r[TDX_RAX] = TDX_OPERAND_INVALID | TDX_OPERAND_RCX;
		return TDX_DONE;
	}
	if (!call->vendor && call->function == TDVMCALL_MAP_GPA) {
		map_gpa(vm, vcpu, regs, call);
		return TDX_DONE;
	}
	if (!call->vendor && call->function == TDVMCALL_MMIO)
		call->gpa &= ~tdx_vm_shared_bit(vm);
	return TDX_VMCALL;
}

static enum tdx_outcome dispatch(struct tdx_vm *vm, unsigned int vcpu, unsigned int leaf,
				 struct tdx_regs *regs, struct tdx_answer *answer)
{
	enum tdx_outcome outcome = TDX_DONE;
	uint64_t status = TDX_OPERAND_INVALID | TDX_OPERAND_RAX;

	switch (leaf) {
	case TDG_VP_INFO:
		status = vp_info(vm, vcpu, regs);
		break;
	case TDG_MR_RTMR_EXTEND:
		outcome = rtmr_extend(vm, vcpu, regs, &status, answer);
		break;
	case TDG_VP_VEINFO_GET:
		status = veinfo_get(vm, vcpu, regs);
		break;
	case TDG_MR_REPORT:
		outcome = mr_report(vm, vcpu, regs, &status, answer);
		break;
	case TDG_MEM_PAGE_ACCEPT:
		outcome = tdx_page_accept(vm, vcpu, regs->r[TDX_RCX], &status, answer);
		break;
	case TDG_VM_RD:
		status = vm_rd(vm, regs);
		break;
	case TDG_VM_WR:
		status = vm_wr(vm, regs);
		break;
	}
	if (outcome == TDX_DONE)
		regs->r[TDX_RAX] = status;
	return outcome;
}

enum tdx_outcome tdx_tdcall(struct tdx_vm *vm, const struct tdx_caller *caller,
			    struct tdx_regs *regs, struct tdx_answer *answer)
{
	unsigned int leaf, version;

	memset(answer, 0, sizeof(*answer));
	if (!caller->long_mode || caller->cpl || caller->vcpu >= vm->config.vcpus)
		return TDX_GP;
	if (tdcall_split(regs->r[TDX_RAX], &leaf, &version) || version) {
		regs->r[TDX_RAX] = TDX_OPERAND_INVALID | TDX_OPERAND_RAX;
		return TDX_DONE;
	}
	if (leaf == TDG_VP_VMCALL)
		return vmcall(vm, caller->vcpu, regs, answer);
	return dispatch(vm, caller->vcpu, leaf, regs, answer);
}

/* --- what is known -------------------------------------------------------- */

uint64_t tdx_vm_shared_bit(const struct tdx_vm *vm)
{
	return 1ull << (vm->config.gpaw - 1);
}

enum sept_state tdx_vm_sept_state(const struct tdx_vm *vm, uint64_t gpa, unsigned int *level)
{
	if (gpa < vm->config.top)
		return sept_walk(&vm->host.sept, gpa, level);
	*level = SEPT_2M;
	return SEPT_FREE;
}

static enum page_state state_of(enum sept_state state)
{
	switch (state) {
	case SEPT_MAPPED:
	case SEPT_BLOCKED:
	case SEPT_BLOCKEDW:
	case SEPT_EXPORTED_BLOCKEDW:
	case SEPT_EXPORTED_DIRTY:
	case SEPT_EXPORTED_DIRTY_BLOCKEDW:
		return PAGE_ACCEPTED;
	case SEPT_FREE:
	case SEPT_REMOVED:
	case SEPT_NL_MAPPED:
	case SEPT_NL_BLOCKED:
		return PAGE_HOST;
	default:
		return PAGE_UNACCEPTED;
	}
}

enum page_state tdx_vm_page_state(const struct tdx_vm *vm, uint64_t gpa)
{
	unsigned int level;

	if (!ram_contains(&vm->host.ram, gpa & PAGE_MASK, MODEL_PAGE_SIZE))
		return PAGE_HOST;
	return state_of(tdx_vm_sept_state(vm, gpa, &level));
}

static const char *ownership(const struct tdx_vm *vm, uint64_t gpa)
{
	static const char *const names[] = { "private, not added", "private, pending",
					     "private, accepted" };

	if (!ram_contains(&vm->host.ram, gpa & PAGE_MASK, MODEL_PAGE_SIZE))
		return "not RAM";
	if (attr_is_shared(&vm->host.attr, gpa))
		return "shared (owned by the host)";
	return names[tdx_vm_page_state(vm, gpa)];
}

int tdx_vm_describe(const struct tdx_vm *vm, uint64_t gpa, char *text, size_t size)
{
	unsigned int level;
	enum sept_state state = tdx_vm_sept_state(vm, gpa, &level);

	return snprintf(text, size, "%s; secure EPT: %s at %s", ownership(vm, gpa),
			sept_state_name(state), level == SEPT_2M ? "2M" : "4K");
}

/* State of the page at gpa, and how far (in its unit) it surely reaches */
static enum page_state state_from(const struct tdx_vm *vm, uint64_t gpa, uint64_t end,
				  uint64_t *length)
{
	int table = vm->host.sept.unit[gpa / MODEL_UNIT_SIZE].state == SEPT_NL_MAPPED;

	*length = table ? MODEL_PAGE_SIZE : in_unit(gpa, end);
	return tdx_vm_page_state(vm, gpa);
}

int tdx_vm_next_run(const struct tdx_vm *vm, uint64_t *cursor, struct page_run *run)
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

uint64_t tdx_vm_accepted_bytes(const struct tdx_vm *vm)
{
	return vm->accepted;
}

/* --- hostile acts --------------------------------------------------------- */

static void attack_event(const struct tdx_vm *vm, enum attack attack, uint64_t gpa,
			 uint64_t size)
{
	tdx_host_event(&vm->host, 0, EVENT_ATTACK, gpa, size, 0, attack);
}

/* Takes one page away; its unit must be in pages first. -1: not a page of the guest. */
static int attack_page(struct tdx_vm *vm, enum attack attack, uint64_t gpa)
{
	enum page_state before = tdx_vm_page_state(vm, gpa);

	if (!range_ok(vm, gpa, MODEL_PAGE_SIZE) || before == PAGE_HOST)
		return -1;
	tdx_host_split(&vm->host, 0, gpa);
	attack_event(vm, attack, gpa, MODEL_PAGE_SIZE);
	if (tdx_host_remove(&vm->host, gpa, SEPT_4K))
		return -1;
	vm->accepted -= before == PAGE_ACCEPTED ? MODEL_PAGE_SIZE : 0;
	tdx_host_lost_access(&vm->host, gpa, MODEL_PAGE_SIZE);
	return 0;
}

int tdx_attack_remove_aug(struct tdx_vm *vm, uint64_t gpa)
{
	if (attack_page(vm, ATTACK_REMOVE_AUG, gpa))
		return -1;
	return sept_page_aug(&vm->host.sept, gpa, SEPT_4K, gpa) == TDX_SUCCESS ? 0 : -1;
}

int tdx_attack_remove(struct tdx_vm *vm, uint64_t gpa)
{
	if (attack_page(vm, ATTACK_REMOVE, gpa))
		return -1;
	sept_set_state(&vm->host.sept, gpa, SEPT_4K, SEPT_REMOVED);
	return 0;
}

int tdx_attack_block(struct tdx_vm *vm, uint64_t gpa)
{
	unsigned int level;
	uint64_t size, start;

	if (!range_ok(vm, gpa, MODEL_PAGE_SIZE))
		return -1;
	sept_walk(&vm->host.sept, gpa, &level);
	size = level == SEPT_2M ? MODEL_UNIT_SIZE : MODEL_PAGE_SIZE;
	start = gpa & ~(size - 1);
	if (sept_range_block(&vm->host.sept, start, level) != TDX_SUCCESS)
		return -1;
	sept_track(&vm->host.sept);
	attack_event(vm, ATTACK_BLOCK, start, size);
	tdx_host_lost_access(&vm->host, start, size);
	return 0;
}

int tdx_attack_busy(struct tdx_vm *vm, uint32_t count)
{
	vm->busy = count;
	attack_event(vm, ATTACK_BUSY, 0, 0);
	return 0;
}

int tdx_attack_retry(struct tdx_vm *vm, uint32_t count)
{
	vm->retries = count;
	attack_event(vm, ATTACK_RETRY, 0, 0);
	return 0;
}
