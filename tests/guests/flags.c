/* SPDX-License-Identifier: GPL-2.0-only */
/* What instructions leave in RFLAGS: CF, PF, AF, ZF, SF and OF. */
#include "runtime.h"

#define STATUS 0x8d5ull

static u64 memory[2] __attribute__((aligned(16)));

/*
 * ADD sets the flags, and PUSHF in the same block asks for them. A block before
 * it left others: TEST of 0, with another lazy state.
 */
#define AFTER(insn, left, right, expected) ({					\
	u64 flags, low = (expected), high = 0;					\
										\
	memory[0] = 5;								\
	memory[1] = 0;								\
	__asm__ volatile("xor %%edi, %%edi\n"					\
			 "test %%edi, %%edi\n"					\
			 "jmp 1f\n"						\
			 "1: movb %[l], %%dil\n"				\
			 "addb %[r], %%dil\n"					\
			 insn " %[m]\n"						\
			 "pushfq\n"						\
			 "pop %[f]\n"						\
			 : [f] "=&r"(flags), "+a"(low), "+d"(high), [m] "+m"(memory)	\
			 : [l] "i"(left), [r] "i"(right), "b"(7), "c"(0)	\
			 : "rdi", "cc");					\
	flags & STATUS; })

#define SAY(name, insn)								\
	say(name " carry=%x carry-equal=%x overflow=%x overflow-equal=%x",	\
	    AFTER(insn, 0xff, 1, 6), AFTER(insn, 0xff, 1, 5),			\
	    AFTER(insn, 0x7f, 1, 6), AFTER(insn, 0x7f, 1, 5))

void case_compare_exchange(void)
{
	SAY("eight", "cmpxchg8b");
	SAY("sixteen", "cmpxchg16b");
	SAY("locked-eight", "lock cmpxchg8b");
	SAY("locked-sixteen", "lock cmpxchg16b");
}
