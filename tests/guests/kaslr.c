/* SPDX-License-Identifier: GPL-2.0-only */
/* A kernel whose first instruction in the kernel map is not in its image's first 2 MiB. */
#include "runtime.h"

#define KERNEL_MAP 0xffffffff80000000ull
#define TEXT (KERNEL_MAP + 24 * UNIT)
#define LARGE (PRIVATE_BIT | 0xe7)	/* 2 MiB, dirty, accessed, user, writable, present */

void landing(void);

__asm__(".text\n"
	"landing: ret\n");

/* TEXT and what follows up to the units'th one, each the first 2 MiB of memory */
static void map_text(u64 units)
{
	static u64 table[512] __attribute__((aligned(4096)));
	static u64 leaves[512] __attribute__((aligned(4096)));
	u64 *top = (u64 *)TABLES, i;

	for (i = 0; i < units; i++)
		leaves[24 + i] = LARGE;
	table[510] = (u64)leaves | PRIVATE_BIT | 7;
	top[511] = (u64)table | PRIVATE_BIT | 7;
}

static void jump_into(u64 unit)
{
	void (*there)(void) = (void (*)(void))(TEXT + unit * UNIT + (u64)landing);

	map_text(8);
	there();
	say("done");
}

void case_first(void)
{
	jump_into(0);
}

/* as Linux from 6.16 on */
void case_second(void)
{
	jump_into(1);
}

void case_last(void)
{
	jump_into(7);
}
