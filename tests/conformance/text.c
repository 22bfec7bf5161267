/* SPDX-License-Identifier: GPL-2.0-only */
#include "guest.h"

void *memset(void *to, int value, size_t size)
{
	void *first = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
	return first;
}

void *memcpy(void *to, const void *from, size_t size)
{
	void *first = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
	return first;
}

void put(const char *text)
{
	while (*text)
		console_byte(*text++);
}

void put_hex(u64 value)
{
	int shift = 60;

	put("0x");
	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4) {
		u8 digit = value >> shift & 15;

		console_byte(digit < 10 ? '0' + digit : 'a' + digit - 10);
	}
}

void put_decimal(u64 value)
{
	if (value >= 10)
		put_decimal(value / 10);
	console_byte('0' + value % 10);
}

static int begins(const char *text, const char *word)
{
	while (*word)
		if (*text++ != *word++)
			return 0;
	return 1;
}

int contains(const char *text, const char *word)
{
	for (; *text; text++)
		if (begins(text, word))
			return 1;
	return 0;
}
