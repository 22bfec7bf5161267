/* SPDX-License-Identifier: GPL-2.0-only */
/* A table of unaccepted memory that changes, and a guest that goes through a kernel's stages. */
#include "kernel_map.h"

/* struct efi_unaccepted_memory (Linux include/linux/efi.h) */
struct table {
	u32 version, unit_size;
	u64 phys_base, size;
	u8 bitmap[];
};

static struct table *table = (struct table *)PAPERS;

static void in_userspace(void)
{
	__asm__ volatile("int3");
}

static void nothing(void)
{
}

void case_stages(void)
{
	*table = (struct table){ 1, UNIT, FRESH, 5 };
	memset(table->bitmap, 0xff, 8);
	map_kernel();
	run_in_kernel_map(nothing);
	table->bitmap[0] = 0xfe;
	accept(FRESH, PAGE);
	run_at_cpl3(in_userspace);
	/* the next fetch counts, of code below the kernel map: as after kexec */
	__asm__ volatile("mov %%cr3, %%rax\nmov %%rax, %%cr3" : : : "rax", "memory");
	table->bitmap[4] = 0x7f;
	say("done");
}

/* A size that is more than the memory, and less than a bitmap may have */
void case_size_beyond_memory(void)
{
	*table = (struct table){ 1, UNIT, FRESH, 2 * RAM_END };
	say("done");
}
