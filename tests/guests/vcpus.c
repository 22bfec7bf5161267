/* SPDX-License-Identifier: GPL-2.0-only */
/* Secondary vCPUs: how they start, and what one vCPU's change means to another. */
#include "runtime.h"
#ifdef SNP
#include "platform_snp.h"
#endif

#define WAIT_LIMIT 200000000ull

static volatile u64 started, turn, failures, reads;
static const u64 at = FRESH + 3 * PAGE;

static u64 wait_for(volatile u64 *value, u64 least)
{
	u64 waited;

	for (waited = 0; *value < least && waited < WAIT_LIMIT; waited++)
		cpu_pause();
	return *value >= least;
}

static void say_hello(u64 index)
{
	(void)index;
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
}

void case_start(void)
{
	ap_routine = say_hello;
	say("start=%x", start_cpu(1));
	say("started=%x", wait_for(&started, 1));
}

/* The first vCPU waits as Linux 6.1 does for a secondary one: without a PAUSE. */
void case_start_and_spin(void)
{
	u64 waited;

	ap_routine = say_hello;
	start_cpu(1);
	for (waited = 0; !started && waited < WAIT_LIMIT; waited++)
		;
	say("started=%x", started);
}

/* --- a secondary vCPU waits without a PAUSE, as those do that firmware has parked --- */

#define ROUNDS 60000000ull	/* of two instructions: several turns of the longest */
#define SHORT 1000

static volatile u32 command;
static volatile u64 waits, stored;

static void wait_in_mailbox(u64 index)
{
	waits = 1;
	__asm__ volatile("1: cmpl $0, (%0)\n\t"
			 "je 1b\n\t"
			 "cmpl %k1, (%0)\n\t"
			 "jne 1b"
			 : : "r"(&command), "r"(index) : "memory", "cc");
	say_hello(index);
}

static void wait_with_load(u64 index)
{
	u32 seen;

	waits = 1;
	__asm__ volatile("1: movl (%1), %0\n\t"
			 "cmpl $0, %0\n\t"
			 "je 1b"
			 : "=&r"(seen) : "r"(&command) : "memory", "cc");
	say_hello(index);
}

static void wait_and_store(u64 index)
{
	waits = 1;
	__asm__ volatile("1: incq (%1)\n\t"
			 "cmpl $0, (%0)\n\t"
			 "je 1b"
			 : : "r"(&command), "r"(&stored) : "memory", "cc");
	say_hello(index);
}

/* Accepts enclose the time in which the other vCPU may wait or work. */
static void run_beside(void (*routine)(u64 index))
{
	u64 rounds = ROUNDS;

	ap_routine = routine;
	start_cpu(1);
	wait_for(&waits, 1);
	accept(at, PAGE);
	__asm__ volatile("1: dec %0\n\t"
			 "jnz 1b"
			 : "+r"(rounds) : : "cc");
	accept(at + PAGE, PAGE);
	say("early=%x", started);
	say("stored=%x", stored);
}

void case_parked(void)
{
	u64 rounds;

	run_beside(wait_in_mailbox);
	command = 2;		/* for another vCPU */
	for (rounds = 0; rounds < SHORT; rounds++)
		cpu_pause();
	say("others=%x", started);
	command = 1;
	say("started=%x", wait_for(&started, 1));
}

void case_parked_with_load(void)
{
	run_beside(wait_with_load);
	command = 1;
	say("started=%x", wait_for(&started, 1));
}

void case_not_parked(void)
{
	run_beside(wait_and_store);
	command = 1;
	say("started=%x", wait_for(&started, 1));
}

/* --- both accept, every other page each --------------------------------------------- */

#define PAGES 64

static void accept_half(u64 index)
{
	u64 page;

	for (page = index; page < PAGES; page += 2) {
		failures += accept(FRESH + page * PAGE, PAGE) != 0;
		failures += write64(FRESH + page * PAGE, page) == FAULTED;
	}
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
}

/* Neither begins before the other is there. */
static volatile u64 ready;

static void accept_half_together(u64 index)
{
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	wait_for(&ready, 2);
	accept_half(index);
}

static void accept_by(void (*half)(u64))
{
	u64 page, wrong = 0;

	ap_routine = half;
	quiet = 1;
	start_cpu(1);
	half(0);
	wait_for(&started, 2);
	for (page = 0; page < PAGES; page++)
		wrong += read64(FRESH + page * PAGE) != page;
	say("started=%x", started);
	say("failures=%x", failures);
	say("wrong=%x", wrong);
	say("exceptions=%x", exceptions);
}

void case_accept_in_parallel(void)
{
	accept_by(accept_half);
}

void case_accept_together(void)
{
	accept_by(accept_half_together);
}

/* --- one reads on and on, the other takes the page away ------------------------------- */

/* The content is lost when the page is converted, with threads before the other vCPU's TLB is flushed. */
static void read_any(u64 index)
{
	(void)index;
	for (;;) {
		read64(at);
		__atomic_add_fetch(&reads, 1, __ATOMIC_SEQ_CST);
	}
}

static void begin_reading(void (*routine)(u64))
{
	accept(at, PAGE);
	write64(at, 5);
	ap_routine = routine;
	quiet = 1;
	start_cpu(1);
	say("reading=%x", wait_for(&reads, 1000));
}

#ifdef SNP
static void read_on(u64 index)
{
	(void)index;
	while (read64(at) == 5)
		__atomic_add_fetch(&reads, 1, __ATOMIC_SEQ_CST);
	turn = 1;
}

void case_rescind(void)
{
	begin_reading(read_on);
	pvalidate(at, 0, 0);
	say("noticed=%x", wait_for(&turn, 1));
	say("exceptions=%x", exceptions);
}

/* AP creation from a page that is no save area */
void case_not_a_save_area(void)
{
	u64 area = fill_save_area(1);

	ap_routine = say_hello;
	ghcb_begin();
	ghcb_set(GHCB_RAX, 0);
	ghcb_exit(0x80000013ull, 1ull << 32 | 1, area);
	say("answer info1=%x info2=%x", ghcb_get(GHCB_INFO1), ghcb_get(GHCB_INFO2));
	/* a save area at first, and then not any more */
	rmpadjust(area, 0, 1 | 1ull << 16);
	rmpadjust(area, 0, 1);
	ghcb_begin();
	ghcb_set(GHCB_RAX, 0);
	ghcb_exit(0x80000013ull, 1ull << 32 | 1, area);
	say("again info1=%x info2=%x", ghcb_get(GHCB_INFO1), ghcb_get(GHCB_INFO2));
	ghcb_begin();
	ghcb_set(GHCB_RAX, 0);
	rmpadjust(area, 0, 1 | 1ull << 16);
	ghcb_exit(0x80000013ull, 77ull << 32 | 1, area);
	say("no-cpu info1=%x info2=%x", ghcb_get(GHCB_INFO1), ghcb_get(GHCB_INFO2));
	say("started=%x", started);
}

static void halt(u64 index)
{
	(void)index;
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	hlt();
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
}

static void count_on(u64 index)
{
	(void)index;
	for (;;)
		__atomic_add_fetch(&reads, 1, __ATOMIC_SEQ_CST);
}

static void destroy(u64 apic_id)
{
	ghcb_begin();
	ghcb_exit(0x80000013ull, apic_id << 32 | 2, 0);
	say("destroy info1=%x info2=%x", ghcb_get(GHCB_INFO1), ghcb_get(GHCB_INFO2));
}

/* A vCPU that is destroyed does nothing more. */
void case_destroy(void)
{
	u64 before, waited;

	ap_routine = count_on;
	start_cpu(1);
	say("counting=%x", wait_for(&reads, 1000));
	destroy(1);
	for (waited = 0; waited < 1000000; waited++)
		cpu_pause();
	before = reads;
	for (waited = 0; waited < 1000000; waited++)
		cpu_pause();
	say("counted=%x", reads - before);
	destroy(0);
	destroy(77);
}

/* The page from which a vCPU runs is not accessible. */
void case_save_area_in_use(void)
{
	u64 area = fill_save_area(1);

	ap_routine = count_on;
	say("start=%x", start_cpu(1));
	say("counting=%x", wait_for(&reads, 1000));
	say("read=%x", read64(area));
}

/* While the vCPU is halted, it is. */
void case_save_area_of_halted(void)
{
	u64 area = fill_save_area(1), waited;

	ap_routine = halt;
	start_cpu(1);
	wait_for(&started, 1);
	for (waited = 0; waited < 100000; waited++)
		cpu_pause();
	say("faulted=%x", read64(area) == FAULTED);
}

/* So it is once the vCPU is destroyed. */
void case_save_area_of_destroyed(void)
{
	u64 area = fill_save_area(1);

	ap_routine = count_on;
	start_cpu(1);
	wait_for(&reads, 1000);
	destroy(1);
	say("faulted=%x", read64(area) == FAULTED);
}

/* HLT is not reflected; the vCPU just sleeps. */
void case_halt(void)
{
	u64 waited;

	ap_routine = halt;
	start_cpu(1);
	wait_for(&started, 1);
	for (waited = 0; waited < 100000; waited++)
		cpu_pause();
	say("started=%x", started);
	say("exceptions=%x", exceptions);
}
#endif

void case_make_shared(void)
{
	begin_reading(read_any);
	make_shared(at, PAGE);
	say("noticed=%x", wait_for(&turn, 1));
}

/* --- one executes a loop in a page, the other takes the page away ---------------------- */

static volatile u64 loops;
static const u64 code = FRESH + 5 * PAGE;

static void run_code(u64 index)
{
	(void)index;
	fetch(code);
	loops = ~0ull;
}

void case_code_under_feet(void)
{
	static const u8 body[] = { 0x48, 0xff, 0x07, 0xeb, 0xfb };	/* 1: incq (%rdi); jmp 1b */

	accept(code, PAGE);
	write8(code, 0x48);	/* movabs $loops, %rdi */
	write8(code + 1, 0xbf);
	write64(code + 2, (u64)&loops);
	memcpy((void *)(code + 10), body, sizeof(body));
	ap_routine = run_code;
	quiet = 1;
	start_cpu(1);
	say("running=%x", wait_for(&loops, 1000));
#ifdef SNP
	pvalidate(code, 0, 0);
#else
	make_shared(code, PAGE);
#endif
	say("noticed=%x", wait_for(&loops, ~0ull));
}
