/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest that stores to the table of unaccepted memory, and around it. */
#include "runtime.h"

#define HEADER 24	/* of struct efi_unaccepted_memory, before the bitmap */
#define TABLE (PAPERS + 0x28)
#define BITMAP (TABLE + HEADER)

static void store16(u64 at, u16 value)
{
	*(volatile u16 *)at = value;
}

/* As Linux's accept_memory(): nothing but bits that are cleared */
void case_bits(void)
{
	write64(BITMAP, ~0ull);
	write64(BITMAP, ~0ull);		/* changes nothing: no event */
	write8(BITMAP, 0xfe);
	store16(BITMAP + 2, 0x0fff);
	__asm__ volatile("btrq %1, (%0)" : : "r"(BITMAP), "r"(4ull) : "memory");
	__asm__ volatile("lock btrq %1, (%0)" : : "r"(BITMAP), "r"(5ull) : "memory");
	say("bits=%x", read64(BITMAP));
}

/* What is beside the table is none of its stores. */
void case_around(void)
{
	write8(TABLE - 1, 0x11);
	write8(BITMAP + 16, 0x22);
	write64(PAPERS + PAGE, 0x33);
	say("before=%x behind=%x next=%x", read8(TABLE - 1), read8(BITMAP + 16),
	    read64(PAPERS + PAGE));
}

void case_header(void)
{
	write8(TABLE, 1);
	write64(TABLE + 8, FRESH);
	say("done");
}

/* rep stosb, which a compiler's memset() of many bytes is */
void case_string(void)
{
	u64 to = BITMAP, count = 16;

	write64(BITMAP, ~0ull);
	write64(BITMAP + 8, ~0ull);
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0) : "memory");
	say("bits=%x", read64(BITMAP) | read64(BITMAP + 8));
}

/* Code in the table's page: what is stored over it is what runs. */
void case_code(void)
{
	u64 (*code)(void) = (u64 (*)(void))(PAPERS + 0x800);

	memcpy((void *)code, "\xb8\x01\0\0\0\xc3", 6);	/* mov $1, %eax; ret */
	say("first=%x", code());
	write8((u64)code + 1, 2);
	say("second=%x", code());
	write64(BITMAP, 5);
	say("bits=%x", read64(BITMAP));
}

/* More stores than Linux can make: the memory is in use by something else. */
void case_many(void)
{
	u64 value;

	for (value = 1; value <= 70000; value++)
		*(volatile u64 *)BITMAP = value | ~value << 32;
	say("bits=%x", read64(BITMAP) & 0xffffffff);
}

#define WAIT_LIMIT 200000000ull

static volatile u64 stored;

static void store_its_number(u64 index)
{
	write64(BITMAP, index);
	stored = 1;
}

void case_second_cpu(void)
{
	u64 waited;

	ap_routine = store_its_number;
	say("started=%x", start_cpu(1));
	for (waited = 0; !stored && waited < WAIT_LIMIT; waited++)
		cpu_pause();
	say("bits=%x", read64(BITMAP));
}
