/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fuzzer for what a guest can send: GHCB MSR requests, GHCB pages, PSC
 * descriptors, TDCALL and VMCALL registers, operands of the instructions. Each
 * input drives one small guest; after every step the model's own books are
 * checked. It is a libFuzzer target (clang); with -DOWN_DRIVER it brings a
 * deterministic mutation driver of its own:
 *	wire SEED SECONDS [INPUTS]	stops after SECONDS, or after INPUTS if given
 *	wire FILE			runs one saved input
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "psc.h"
#include "snp.h"
#include "tdx.h"

#define TOP (4 * MODEL_UNIT_SIZE + 3 * MODEL_PAGE_SIZE)
#define GHCB_GPA 0x8000ull
#define HOLE_START 0xa0000ull
#define HOLE_END 0x100000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- input ---------------------------------------------------------------------- */

struct input {
	const uint8_t *at;
	size_t left;
};

static uint64_t take(struct input *in, unsigned int bytes)
{
	uint64_t value = 0;

	if (bytes > in->left)
		bytes = in->left;
	memcpy(&value, in->at, bytes);
	in->at += bytes;
	in->left -= bytes;
	return value;
}

/* mostly addresses and sizes that mean something, sometimes anything */
static uint64_t take_gpa(struct input *in)
{
	uint8_t how = take(in, 1);

	if (how < 8)
		return take(in, 8);
	if (how < 16)
		return take(in, 3);
	if (how < 100)
		return (uint64_t)(how % 5) * MODEL_UNIT_SIZE;
	return (uint64_t)(take(in, 2) % (TOP / MODEL_PAGE_SIZE + 2)) * MODEL_PAGE_SIZE;
}

static uint64_t take_word(struct input *in)
{
	uint8_t how = take(in, 1);

	if (how < 64)
		return take(in, 8);
	if (how < 128)
		return take_gpa(in);
	if (how < 160)
		return 1ull << how % 64;
	return how % 8;
}

/* --- checks ------------------------------------------------------------------------ */

static void check(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "wire: broken: %s\n", what);
	abort();
}

struct books {
	uint64_t accepted;	/* as the runs have it */
	uint64_t covered;
};

static void add_run(struct books *books, const struct page_run *run, uint64_t *after)
{
	check(run->size && run->size % MODEL_PAGE_SIZE == 0, "size of a run");
	check(run->start >= *after, "order of the runs");
	check(run->state <= PAGE_ACCEPTED, "state of a run");
	*after = run->start + run->size;
	books->covered += run->size;
	if (run->state == PAGE_ACCEPTED)
		books->accepted += run->size;
}

static void check_snp(const struct snp_vm *vm)
{
	struct books books = { 0 };
	uint64_t cursor = 0, after = 0;
	struct page_run run;

	while (snp_vm_next_run(vm, &cursor, &run)) {
		add_run(&books, &run, &after);
		if (run.state != PAGE_HOST)
			check(!snp_host_may_access(vm, run.start, MODEL_PAGE_SIZE),
			      "the host may touch a page of the guest");
	}
	check(books.covered == TOP - (HOLE_END - HOLE_START), "runs cover the RAM");
	check(books.accepted == snp_vm_accepted_bytes(vm), "accepted bytes");
}

static void check_tdx(const struct tdx_vm *vm)
{
	struct books books = { 0 };
	uint64_t cursor = 0, after = 0;
	struct page_run run;

	while (tdx_vm_next_run(vm, &cursor, &run)) {
		add_run(&books, &run, &after);
		if (run.state != PAGE_HOST)
			check(!tdx_host_may_access(vm, run.start, MODEL_PAGE_SIZE),
			      "the host may touch a page of the guest");
	}
	check(books.covered == TOP - (HOLE_END - HOLE_START), "runs cover the RAM");
	check(books.accepted == tdx_vm_accepted_bytes(vm), "accepted bytes");
}

/* --- embedder ------------------------------------------------------------------------ */

struct embedder {
	uint8_t *page;		/* the GHCB page, exactly as long as it is */
	uint8_t *lent[4];	/* what guest_memory() gave last */
	unsigned int lends;
	struct input *in;
	uint32_t interrupts;
};

/* a block of exactly len bytes: the sanitizer sees one byte too much */
static void *lend_memory(void *opaque, uint64_t gpa, uint64_t len)
{
	struct embedder *embedder = opaque;
	uint8_t **lent = &embedder->lent[embedder->lends++ % 4];
	uint64_t i;

	check(gpa % MODEL_PAGE_SIZE + len <= MODEL_PAGE_SIZE, "guest_memory in one page");
	check(gpa < TOP && len <= TOP - gpa, "guest_memory in RAM");
	free(*lent);
	*lent = malloc(len);
	for (i = 0; i < len; i++)
		(*lent)[i] = take(embedder->in, 1);
	return *lent;
}

static void release(struct embedder *embedder)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		free(embedder->lent[i]);
	free(embedder->page);
}

static void see_event(void *opaque, const struct acc_event *event)
{
	(void)opaque;
	check(event->kind >= EVENT_ACCEPT && event->kind <= EVENT_ATTACK, "kind of an event");
	if (event->kind >= EVENT_ASSIGN && event->kind <= EVENT_SPLIT)
		check(event->size && event->gpa < TOP + MODEL_UNIT_SIZE &&
			      !((event->gpa | event->size) % MODEL_PAGE_SIZE),
		      "range of an event");
}

static void see_scrub(void *opaque, uint64_t gpa, uint64_t size)
{
	(void)opaque;
	check(size == MODEL_PAGE_SIZE && gpa % MODEL_PAGE_SIZE == 0 && gpa < TOP,
	      "range of a scrub");
}

static int see_interrupt(void *opaque, unsigned int vcpu)
{
	struct embedder *embedder = opaque;

	(void)vcpu;
	return embedder->interrupts && embedder->interrupts-- % 32 == 0;
}

static const struct model_ops *make_ops(struct model_ops *ops, struct embedder *embedder)
{
	*ops = (struct model_ops){ .opaque = embedder,
				   .event = see_event,
				   .scrub = see_scrub,
				   .guest_memory = lend_memory,
				   .interrupt_pending = see_interrupt };
	return ops;
}

/* --- SNP -------------------------------------------------------------------------------- */

static const uint32_t exits[] = {
	0x27, 0x37, 0x6e, 0x6f, 0x72, 0x76, 0x78, 0x7b, 0x7c, 0x81, 0x87, 0x89, 0x8a, 0x8b,
	0x80000001, 0x80000002, 0x80000003, 0x80000004, 0x80000005, 0x80000010, 0x80000010,
	0x80000010, 0x80000011, 0x80000012, 0x80000013, 0x80000018, 0x8000fffd, 0x8000fffe,
	0x8000ffff, 0x404, 0,
};

static void put(uint8_t *page, unsigned int offset, uint64_t value)
{
	memcpy(page + offset, &value, sizeof(value));
}

static void fill_psc(struct input *in, uint8_t *page, unsigned int offset)
{
	uint8_t how = take(in, 1);
	uint16_t cur = how < 200 ? 0 : take(in, 2), end = how < 250 ? how % 8 : take(in, 2);
	unsigned int i;

	memcpy(page + offset, &cur, sizeof(cur));
	memcpy(page + offset + 2, &end, sizeof(end));
	for (i = 0; i <= end && offset + 16 + 8 * i <= 4096 && in->left; i++) {
		uint8_t shape = take(in, 1);
		uint64_t entry = shape < 16 ? take(in, 8) :
					      take_gpa(in) | (uint64_t)(1 + shape % 4) << 52 |
						      (uint64_t)(shape >> 4 & 1) << 56;

		if (shape >= 240)
			entry |= shape & 1 ? take(in, 2) & 0xfff : 0x200;
		put(page, offset + 8 + 8 * i, entry);
	}
}

static void fill_ghcb(struct input *in, uint8_t *page)
{
	uint8_t how = take(in, 1);
	unsigned int offset = how % 8 ? 0x800 : 0x800 + take(in, 2) % 2100;
	static const uint16_t fields[] = { GHCB_RAX, GHCB_RCX, GHCB_RDX, GHCB_RBX, GHCB_XCR0,
					   GHCB_EXIT_INFO_1, GHCB_EXIT_INFO_2 };
	unsigned int i;

	memset(page, 0, GHCB_PAGE_SIZE);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		put(page, fields[i], how & 16 ? take_word(in) : 0);
	put(page, GHCB_EXIT_CODE, exits[take(in, 1) % (sizeof(exits) / sizeof(exits[0]))]);
	memset(page + GHCB_VALID_BITMAP, 0xff, 16);
	page[GHCB_PROTOCOL_VERSION] = 2;
	if (offset > 0xff0)
		offset = 0xff0;
	fill_psc(in, page, offset);
	put(page, GHCB_SCRATCH, how & 32 ? take_word(in) : GHCB_GPA + offset);
	/* then damage it */
	for (i = how >= 192 ? how % 8 : 0; i && in->left; i--)
		page[take(in, 2) % GHCB_PAGE_SIZE] = take(in, 1);
}

static void check_request(const struct ghcb_request *request)
{
	if (request->scratch_offset != GHCB_NO_SCRATCH)
		check(request->scratch_offset >= GHCB_SHARED_BUFFER &&
			      request->scratch_offset + request->scratch_length <=
				      GHCB_SHARED_BUFFER + GHCB_SHARED_BUFFER_SIZE,
		      "scratch in the shared buffer");
	check(request->scratch_length <= MODEL_PAGE_SIZE, "length of the scratch");
}

static void step_ghcb(struct snp_vm *vm, struct embedder *embedder, unsigned int vcpu)
{
	struct ghcb_request request;

	fill_ghcb(embedder->in, embedder->page);
	if (snp_ghcb_page(vm, vcpu, GHCB_GPA, embedder->page, &request) == GHCB_REQUEST)
		check_request(&request);
}

static void step_snp(struct snp_vm *vm, struct embedder *embedder)
{
	struct input *in = embedder->in;
	uint8_t op = take(in, 1), how = take(in, 1);
	struct snp_caller caller = { .vcpu = how & 1, .cpl = how > 250 ? 3 : 0,
				     .vmpl = how > 240 ? how & 3 : 0 };
	struct access access = { .kind = how % 5, .private = how >> 3 & 1, .vmpl = how >> 6,
				 .user = how >> 4 & 1 };
	struct ghcb_msr_answer msr;
	struct access_fault fault;
	struct snp_answer answer;
	uint64_t gpa, attributes;

	switch (op % 8) {
	case 0:
	case 1:
		step_ghcb(vm, embedder, how & 1);
		break;
	case 2:
		snp_ghcb_msr(vm, how & 1, take_word(in) | (how & 2 ? 0x14 : 0), &msr);
		break;
	case 3:
		snp_ghcb_msr(vm, how & 1,
			     take_gpa(in) | (uint64_t)(1 + (how & 1)) << 52 | 0x14, &msr);
		break;
	case 4:
		access.gpa = take_gpa(in);
		snp_access(vm, how & 1, &access, &fault);
		break;
	case 5:
		gpa = take_gpa(in);
		attributes = take(in, 3) & (how & 4 ? ~0ull : 0x11f03);
		if (snp_rmpadjust_operands(vm, &caller, gpa, how & 3, attributes, &answer) ==
		    SNP_WALK)
			snp_rmpadjust(vm, &caller, gpa, how & 3, attributes, &answer);
		break;
	default:
		gpa = take_gpa(in);
		if (snp_pvalidate_operands(vm, &caller, gpa, how % 3, how >> 4, &answer) ==
		    SNP_WALK)
			snp_pvalidate(vm, &caller, gpa, how % 3, how >> 4, &answer);
		check(answer.carry <= 1 && !(answer.eax && answer.carry), "carry and EAX");
		break;
	}
}

static void run_snp(struct input *in, uint8_t shape)
{
	struct embedder embedder = { .in = in, .page = malloc(GHCB_PAGE_SIZE) };
	struct snp_config config = { .top = TOP, .asid = 1, .vcpus = 2, .c_bit = 51,
				     .backing_4k = shape >> 1 & 1,
				     .assign_advance = shape >> 2 & 1,
				     .psc_entries_per_exit = shape >> 3 & 3 };
	struct ghcb_msr_answer msr;
	struct model_ops ops;
	void *memory = calloc(1, snp_vm_bytes(&config));
	struct snp_vm *vm = snp_vm_init(memory, &config, make_ops(&ops, &embedder));
	unsigned int steps;

	snp_vm_add_ram(vm, 0, HOLE_START);
	snp_vm_add_ram(vm, HOLE_END, TOP - HOLE_END);
	snp_vm_launch(vm, MODEL_UNIT_SIZE, MODEL_UNIT_SIZE);
	snp_vm_share(vm, GHCB_GPA, 4 * MODEL_PAGE_SIZE);
	snp_vm_start(vm);
	snp_ghcb_msr(vm, 0, GHCB_GPA | 0x12, &msr);
	for (steps = 0; in->left && steps < 64; steps++)
		step_snp(vm, &embedder);
	check_snp(vm);
	free(memory);
	release(&embedder);
}

/* --- TDX -------------------------------------------------------------------------------- */

static void fill_regs(struct input *in, struct tdx_regs *regs, uint8_t how)
{
	static const uint32_t functions[] = { 10, 12, 30, 31, 32, 48, 0x10001, 0x10001, 0x10001,
					      0x10002, 0x10003, 0 };
	unsigned int i;

	memset(regs, 0, sizeof(*regs));
	for (i = 0; i < TDX_REGS; i++)
		if (how & 1 << i % 8)
			regs->r[i] = take_word(in);
	regs->r[TDX_RAX] = how < 16 ? take(in, 8) : how < 128 ? 0 : how % 10;
	if (how >= 32 && how < 128) {
		regs->r[TDX_RCX] = 0xfc00;
		regs->r[TDX_R10] = 0;
		regs->r[TDX_R11] = functions[how % 12];
		regs->r[TDX_R12] = take_gpa(in) | (how & 16 ? 1ull << 47 : 0);
		regs->r[TDX_R13] = take_gpa(in);
	} else if (how >= 128) {
		regs->r[TDX_RCX] = take_gpa(in) | (how & 16 ? 1 : 0);
	}
}

static void step_tdx(struct tdx_vm *vm, struct embedder *embedder)
{
	struct input *in = embedder->in;
	uint8_t op = take(in, 1), how = take(in, 1);
	struct tdx_caller caller = { .vcpu = op & 1, .long_mode = op != 255 };
	struct access access = { .kind = how % 5, .private = how >> 3 & 1 };
	struct tdx_answer answer;
	struct access_fault fault;
	struct tdx_regs regs;
	enum tdx_outcome outcome;

	embedder->interrupts = how > 200 ? how : 0;
	if (op % 4 == 0) {
		access.gpa = take_gpa(in);
		if (tdx_access(vm, op & 1, &access, &fault) == VERDICT_GUEST_FAULT)
			tdx_raise_ve(vm, op & 1, &fault.ve);
		return;
	}
	fill_regs(in, &regs, how);
	outcome = tdx_tdcall(vm, &caller, &regs, &answer);
	if (outcome == TDX_VMCALL)
		tdx_vmcall_status(&regs, &answer.vmcall, 0, take_word(in));
	if (outcome == TDX_STOPPED)
		check(answer.fault.stop != STOP_NONE, "reason of a stop");
}

static void run_tdx(struct input *in, uint8_t shape)
{
	struct embedder embedder = { .in = in };
	struct tdx_config config = { .top = TOP, .gpaw = 48, .vcpus = 2,
				     .attributes = shape & 2 ? TDX_ATTR_SEPT_VE_DISABLE : 0,
				     .config_flags = shape >> 3 & 2,
				     .backing_4k = shape >> 2 & 1,
				     .assign_advance = shape >> 3 & 1,
				     .map_gpa_chunk = shape & 128 ? MODEL_UNIT_SIZE : 0 };
	struct model_ops ops;
	void *memory = calloc(1, tdx_vm_bytes(&config));
	struct tdx_vm *vm = tdx_vm_init(memory, &config, make_ops(&ops, &embedder));
	unsigned int steps;

	tdx_vm_add_ram(vm, 0, HOLE_START);
	tdx_vm_add_ram(vm, HOLE_END, TOP - HOLE_END);
	tdx_vm_launch(vm, MODEL_UNIT_SIZE, MODEL_UNIT_SIZE);
	tdx_vm_share(vm, GHCB_GPA, 4 * MODEL_PAGE_SIZE);
	tdx_vm_start(vm);
	for (steps = 0; in->left && steps < 64; steps++)
		step_tdx(vm, &embedder);
	check_tdx(vm);
	free(memory);
	release(&embedder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t shape = take(&in, 1);

	if (shape & 1)
		run_tdx(&in, shape);
	else
		run_snp(&in, shape);
	return 0;
}

#ifdef OWN_DRIVER

#define INPUT_MAX 2048
#define KEPT_MAX 64

static uint64_t seed;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

struct kept {
	size_t size;
	uint8_t data[INPUT_MAX];
};

/* a fresh input, or a kept one with a few bytes changed, cut or repeated */
static size_t make_input(struct kept *kept, uint8_t *data)
{
	struct kept *from = &kept[next_random() % KEPT_MAX];
	size_t size = from->size, i;

	if (!size || next_random() % 4 == 0) {
		size = 1 + next_random() % INPUT_MAX;
		for (i = 0; i < size; i++)
			data[i] = next_random() >> 24;
	} else {
		memcpy(data, from->data, size);
		for (i = 1 + next_random() % 16; i; i--)
			data[next_random() % size] = next_random() >> 24;
		if (next_random() % 8 == 0)
			size = 1 + next_random() % size;
	}
	if (next_random() % 64 == 0) {
		from->size = size;
		memcpy(from->data, data, size);
	}
	return size;
}

static int run_file(const char *name)
{
	static uint8_t data[INPUT_MAX];
	FILE *file = fopen(name, "rb");
	size_t size;

	if (!file) {
		fprintf(stderr, "wire: cannot read %s\n", name);
		return 2;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	return LLVMFuzzerTestOneInput(data, size);
}

/* the input that is being run, for a look at a crash */
static void save_input(const char *name, const uint8_t *data, size_t size)
{
	FILE *file = fopen(name, "wb");

	if (!file)
		return;
	fwrite(data, 1, size, file);
	fclose(file);
}

static const uint8_t *running;
static size_t running_size;
void __asan_set_death_callback(void (*callback)(void));

static void save_running(void)
{
	save_input("wire-crash.bin", running, running_size);
}

int main(int argc, char **argv)
{
	static struct kept kept[KEPT_MAX];
	static uint8_t data[INPUT_MAX];
	uint64_t inputs = 0, limit;
	double seconds;
	time_t start = time(NULL);

	if (argc == 2)
		return run_file(argv[1]);
	if (argc < 3) {
		fprintf(stderr, "usage: wire SEED SECONDS [INPUTS] | wire FILE\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 0) * 0x9e3779b97f4a7c15ull | 1;
	seconds = strtod(argv[2], NULL);
	limit = argc > 3 ? strtoull(argv[3], NULL, 0) : UINT64_MAX;
	__asan_set_death_callback(save_running);
	running = data;
	while (inputs < limit && (inputs % 256 || difftime(time(NULL), start) < seconds)) {
		running_size = make_input(kept, data);
		LLVMFuzzerTestOneInput(data, running_size);
		inputs++;
	}
	printf("%llu inputs, no finding\n", (unsigned long long)inputs);
	return 0;
}
#endif
