/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel's printk ring looks like in memory, and what only looks like
 * it. The guest terminates, and the emulator's report has to have the lines.
 */
#include "runtime.h"

#define INFOS (PAPERS + 0x40000)
#define BANNER "Linux version 9.9 (nobody@nowhere)"
#define FILLER '#'	/* what a block holds beyond its text: remains of older lines */

/* struct printk_info, kernel/printk/printk_ringbuffer.h */
struct info {
	u64 seq, time;
	u16 length;
};

#define INFO_SIZE 88
#define INFO_SIZE_WITH_CONTEXT 112	/* CONFIG_PRINTK_EXECUTION_CTX, 6.17 on */
#define INFO_COUNT 128			/* of the arrays that wrap around */
#define ID_MASK (~0ull >> 2)		/* DESC_ID_MASK */

static u64 end_of_blocks = PAPERS;
static u64 info_size = INFO_SIZE;
static u64 infos = INFOS;

static size_t length_of(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

/* a block of the data ring: room for more than the text, as after formatting */
static void put_block(u64 id, const char *text, char filler)
{
	size_t length = length_of(text), size = 8 + ((length + 8) & ~7ull);

	*(u64 *)end_of_blocks = id;
	memset((void *)(end_of_blocks + 8), filler, size - 8);
	memcpy((void *)(end_of_blocks + 8), text, length);
	end_of_blocks += size;
}

static void put_info(u64 seq, size_t length)
{
	*(struct info *)infos = (struct info){ .seq = seq, .length = length };
	infos += info_size;
}

static void put_record(u64 id, u64 seq, const char *text)
{
	put_block(id, text, FILLER);
	put_info(seq, length_of(text));
}

/* The record with a number: that tells its id, and where its description is. */
static void put_late(u64 seq, const char *text)
{
	infos = INFOS + (seq & (INFO_COUNT - 1)) * info_size;
	put_record((seq - INFO_COUNT) & ID_MASK, seq, text);
}

static void put_boot(void)
{
	put_late(INFO_COUNT - 2, BANNER);	/* ids wrap around, and so do places of descriptions */
	put_late(INFO_COUNT - 1, "Command line: none");
	put_late(INFO_COUNT, "a line of its own");
	put_late(INFO_COUNT + 1, "the last one");
	*(u64 *)end_of_blocks = FILLER;	/* no id: what lies behind the newest record */
}

void case_ring(void)
{
	put_boot();
	terminate(0, 0);
}

void case_ring_with_context(void)
{
	info_size = INFO_SIZE_WITH_CONTEXT;
	put_boot();
	terminate(0, 0);
}

#define PANIC "Kernel panic - not syncing: no more lines"

/* Newer lines have taken the banner's place. */
void case_without_banner(void)
{
	end_of_blocks += 64;
	put_late(INFO_COUNT + 1, "one before");	/* its predecessor would have the id 0 */
	put_late(INFO_COUNT + 2, "and another");
	put_late(INFO_COUNT + 3, "and a third");
	put_late(INFO_COUNT + 4, PANIC);
	put_late(INFO_COUNT + 5, "one after");
	put_late(INFO_COUNT + 6, "the newest");
	terminate(0, 0);
}

/* The descriptions go on at their array's start. */
void case_infos_wrapped(void)
{
	put_late(1020, "one before");
	put_late(1021, "and another");
	put_late(1022, "and a third");
	put_late(1023, PANIC);
	put_late(1024, "one after");
	put_late(1025, "the newest");
	terminate(0, 0);
}

/* The ring's start has the newest lines, its end the older ones, and the id of what did not fit there. */
static void put_wrapped(const char *older, const char *newer)
{
	put_late(303, "third");
	put_late(304, "fourth");
	put_late(305, "fifth");
	put_late(306, newer);
	end_of_blocks += 64;
	put_late(299, "the oldest");
	put_late(300, "first");
	put_late(301, "second");
	put_late(302, older);
	*(u64 *)end_of_blocks = 303 - INFO_COUNT;
	terminate(0, 0);
}

void case_wrapped_after_the_panic(void)
{
	put_wrapped(PANIC, "sixth");
}

void case_wrapped_before_the_panic(void)
{
	put_wrapped("and no trouble", PANIC);
}

/* What is in the kernel's data, and in no ring */
void case_only_texts(void)
{
	put_block(7, PANIC, 0);
	put_block(9, "BUG: no chain", 0);
	put_block(11, BANNER, 0);
	terminate(0, 0);
}

/* Where the lengths are unknown, a line ends at its NUL. */
void case_without_infos(void)
{
	put_block(7, BANNER, 0);
	put_block(8, "Command line: none", 0);
	put_block(9, "a line of its own", 0);
	put_block(10, "the last one", 0);
	terminate(0, 0);
}

/* The same, as the kernel leaves lines behind whose level it took off. */
void case_without_infos_after_levels(void)
{
	put_block(7, BANNER "e)\n", 0);
	put_block(8, "Command line: nonene\n", 0);
	put_block(9, "a line of its ownwn\n", 0);
	put_block(10, "the last onene", 0);
	terminate(0, 0);
}

/* The banner in other places, before the ring */
void case_other_banners(void)
{
	put_block(20, BANNER " without a successor", 0);
	put_block(20, "20 again", 0);
	put_block(30, BANNER " with two successors", 0);
	put_block(31, "first", 0);
	put_block(32, "second", 0);
	end_of_blocks += 64 + 4;
	put_block(40, BANNER " at no multiple of 8", 0);
	put_block(41, "first", 0);
	put_block(42, "second", 0);
	put_block(43, "third", 0);
	end_of_blocks += 64 - 4;
	put_boot();
	terminate(0, 0);
}

/* Arrays that look like the records' descriptions for a while, before them */
void case_other_infos(void)
{
	infos = PAPERS + 0x20000;
	put_info(INFO_COUNT - 2, 3);
	put_info(INFO_COUNT - 1, 3);	/* and not where the next one's place is */
	put_info(INFO_COUNT, 3);
	infos = PAPERS + 0x28000;
	put_info(5, 3);			/* not the next number */
	infos = PAPERS + 0x28000 + (INFO_COUNT - 2) * info_size;
	put_info(INFO_COUNT - 2, 3);
	put_info(INFO_COUNT - 1, 3);
	infos = PAPERS + 0x30000;
	put_info(INFO_COUNT, 3);
	infos = PAPERS + 0x30000 + (INFO_COUNT - 2) * info_size;
	put_info(INFO_COUNT - 2, 1000);	/* longer than the block */
	put_info(INFO_COUNT - 1, 1);
	infos = PAPERS + 0x38000;
	put_info(INFO_COUNT, 0);	/* an empty line */
	infos = PAPERS + 0x38000 + (INFO_COUNT - 2) * info_size;
	put_info(INFO_COUNT - 2, 3);
	put_info(INFO_COUNT - 1, 3);
	infos = PAPERS + 0x3c000 + 10 * info_size;
	put_info(10, 3);		/* numbers, but not those of the ids */
	put_info(11, 3);
	put_info(12, 3);
	put_boot();
	terminate(0, 0);
}

/* More lines than a report has */
void case_many(void)
{
	char text[] = "line 00";
	u64 i;

	put_late(0, BANNER);
	for (i = 1; i < 100; i++) {
		text[5] = '0' + i / 10;
		text[6] = '0' + i % 10;
		put_late(i, text);
	}
	terminate(0, 0);
}
