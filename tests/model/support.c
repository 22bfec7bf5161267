/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Linked into the test library only: what is slow or awkward through ctypes.
 * A recorder behind model_ops, dumps of all page states at once, and bare
 * state machines (struct rmp_table, struct sept) with memory of their own.
 */
#include <stdlib.h>
#include <string.h>

#include "ops.h"
#include "rmp.h"
#include "sept.h"
#include "snp.h"
#include "tdx.h"

#define RECORDS_MAX 65536

struct range_record {
	uint64_t gpa;
	uint64_t size;
};

struct recorder {
	uint32_t events, lost, scrubs, overflow;
	/* interrupt_pending() says yes on call number interrupt_at (1 is the first); 0: never */
	uint32_t interrupt_at, interrupt_calls;
	uint8_t *memory;	/* of the guest, for guest_memory(); may be NULL */
	uint64_t memory_size;
	uint64_t halted;	/* vCPUs, a bit each, for halted() */
	struct acc_event event[RECORDS_MAX];
	struct range_record lost_range[RECORDS_MAX];
	struct range_record scrub_range[RECORDS_MAX];
};

struct recorder *recorder_new(uint64_t memory_size);
void recorder_free(struct recorder *recorder);
void recorder_reset(struct recorder *recorder);
void recorder_ops(struct recorder *recorder, struct model_ops *ops);
struct snp_vm *support_snp_new(const struct snp_config *config, const struct model_ops *ops);
struct tdx_vm *support_tdx_new(const struct tdx_config *config, const struct model_ops *ops);
void support_free(void *vm);
void support_snp_dump(const struct snp_vm *vm, uint64_t pages, uint8_t *out);
void support_tdx_dump(const struct tdx_vm *vm, uint64_t pages, uint8_t *out);
struct rmp_table *support_rmp_new(uint64_t units);
struct sept *support_sept_new(uint64_t units);
void support_sept_run(struct sept *sept);
uint32_t support_sept_counter(const struct sept *sept, uint64_t gpa);
void support_sept_dump(const struct sept *sept, uint64_t pages, uint8_t *out);

static void record_event(void *opaque, const struct acc_event *event)
{
	struct recorder *recorder = opaque;

	if (recorder->events == RECORDS_MAX)
		recorder->overflow = 1;
	else
		recorder->event[recorder->events++] = *event;
}

static void record_lost(void *opaque, uint64_t gpa, uint64_t size)
{
	struct recorder *recorder = opaque;

	if (recorder->lost == RECORDS_MAX)
		recorder->overflow = 1;
	else
		recorder->lost_range[recorder->lost++] = (struct range_record){ gpa, size };
}

static void record_scrub(void *opaque, uint64_t gpa, uint64_t size)
{
	struct recorder *recorder = opaque;

	if (recorder->scrubs == RECORDS_MAX)
		recorder->overflow = 1;
	else
		recorder->scrub_range[recorder->scrubs++] = (struct range_record){ gpa, size };
	if (recorder->memory && gpa + size <= recorder->memory_size)
		memset(recorder->memory + gpa, 0, size);
}

static void *guest_memory(void *opaque, uint64_t gpa, uint64_t len)
{
	struct recorder *recorder = opaque;

	if (!recorder->memory || gpa > recorder->memory_size ||
	    len > recorder->memory_size - gpa)
		return NULL;
	return recorder->memory + gpa;
}

/* an answer that a test can predict for every register */
static void cpuid(void *opaque, unsigned int vcpu, uint32_t leaf, uint32_t subleaf,
		  uint32_t regs[4])
{
	unsigned int i;

	(void)opaque;
	for (i = 0; i < 4; i++)
		regs[i] = leaf + subleaf + (vcpu << 8) + (i << 16);
}

static int interrupt_pending(void *opaque, unsigned int vcpu)
{
	struct recorder *recorder = opaque;

	(void)vcpu;
	recorder->interrupt_calls++;
	return recorder->interrupt_at && recorder->interrupt_calls == recorder->interrupt_at;
}

static int halted(void *opaque, unsigned int vcpu)
{
	struct recorder *recorder = opaque;

	return recorder->halted >> vcpu & 1;
}

struct recorder *recorder_new(uint64_t memory_size)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (recorder && memory_size) {
		recorder->memory = calloc(1, memory_size);
		recorder->memory_size = memory_size;
	}
	return recorder;
}

void recorder_free(struct recorder *recorder)
{
	free(recorder->memory);
	free(recorder);
}

void recorder_reset(struct recorder *recorder)
{
	recorder->events = recorder->lost = recorder->scrubs = recorder->overflow = 0;
	recorder->interrupt_calls = 0;
}

void recorder_ops(struct recorder *recorder, struct model_ops *ops)
{
	*ops = (struct model_ops){
		.opaque = recorder,
		.event = record_event,
		.lost_access = record_lost,
		.scrub = record_scrub,
		.guest_memory = guest_memory,
		.cpuid = cpuid,
		.interrupt_pending = interrupt_pending,
		.halted = halted,
	};
}

struct snp_vm *support_snp_new(const struct snp_config *config, const struct model_ops *ops)
{
	size_t bytes = snp_vm_bytes(config);
	void *memory = bytes ? calloc(1, bytes) : NULL;

	return memory ? snp_vm_init(memory, config, ops) : NULL;
}

struct tdx_vm *support_tdx_new(const struct tdx_config *config, const struct model_ops *ops)
{
	size_t bytes = tdx_vm_bytes(config);
	void *memory = bytes ? calloc(1, bytes) : NULL;

	return memory ? tdx_vm_init(memory, config, ops) : NULL;
}

void support_free(void *vm)
{
	free(vm);
}

/* Planes of one byte per page: state, RMP flags, shared, permissions of VMPL 0-3 */
void support_snp_dump(const struct snp_vm *vm, uint64_t pages, uint8_t *out)
{
	uint64_t i;
	unsigned int vmpl;

	for (i = 0; i < pages; i++) {
		struct rmp_entry entry = snp_vm_rmp_entry(vm, i * MODEL_PAGE_SIZE);

		out[i] = snp_vm_page_state(vm, i * MODEL_PAGE_SIZE);
		out[pages + i] = entry.gpa_flags & 0x1f;
		out[2 * pages + i] = snp_host_may_access(vm, i * MODEL_PAGE_SIZE, 1);
		for (vmpl = 0; vmpl < VMPL_LEVELS; vmpl++)
			out[(3 + vmpl) * pages + i] = entry.perms[vmpl];
	}
}

/* Planes of one byte per page: state, SEPT state, level, shared */
void support_tdx_dump(const struct tdx_vm *vm, uint64_t pages, uint8_t *out)
{
	uint64_t i;
	unsigned int level;

	for (i = 0; i < pages; i++) {
		out[i] = tdx_vm_page_state(vm, i * MODEL_PAGE_SIZE);
		out[pages + i] = tdx_vm_sept_state(vm, i * MODEL_PAGE_SIZE, &level);
		out[2 * pages + i] = level;
		out[3 * pages + i] = tdx_host_may_access(vm, i * MODEL_PAGE_SIZE, 1);
	}
}

struct rmp_table *support_rmp_new(uint64_t units)
{
	uint64_t entries = units * (1 + MODEL_UNIT_PAGES);
	struct rmp_table *rmp = calloc(1, sizeof(*rmp) + entries * sizeof(struct rmp_entry));

	if (rmp) {
		rmp->units = units;
		rmp->unit = (struct rmp_entry *)(rmp + 1);
		rmp->page = rmp->unit + units;
	}
	return rmp;
}

struct sept *support_sept_new(uint64_t units)
{
	struct sept *sept = calloc(1, sizeof(*sept) + units * (sizeof(struct sept_unit) +
					     MODEL_UNIT_PAGES * sizeof(struct sept_page)));

	if (sept) {
		sept->units = units;
		sept->unit = (struct sept_unit *)(sept + 1);
		sept->page = (struct sept_page *)(sept->unit + units);
	}
	return sept;
}

void support_sept_run(struct sept *sept)
{
	sept->running = 1;
}

uint32_t support_sept_counter(const struct sept *sept, uint64_t gpa)
{
	return sept->unit[gpa / MODEL_UNIT_SIZE].accept_counter;
}

/* Planes: state of the 2M entry, state of the page entry */
void support_sept_dump(const struct sept *sept, uint64_t pages, uint8_t *out)
{
	uint64_t i;

	for (i = 0; i < pages; i++) {
		out[i] = sept->unit[i / MODEL_UNIT_PAGES].state;
		out[pages + i] = sept->page[i].state;
	}
}
