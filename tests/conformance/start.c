/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables of our own, then the rows, then power-off. */
#include "guest.h"

#define CR4_LA57 (1ull << 12)
#define LEAF 0xe7ull		/* present, writable, user, accessed, dirty, page size */
#define TABLE 0x7ull

struct fixup {
	int at, resume;		/* from their own place */
};

struct gate {
	u16 low, selector, type, middle;
	u32 high, reserved;
};

struct pointer {
	u16 limit;
	u64 base;
} __attribute__((packed));

extern const struct fixup fixups[], fixups_end[];
extern u8 vectors[], image_end[], scratch_room[];

volatile struct trap trap;

typedef u64 table[512] __attribute__((aligned(4096)));

static table top5, top, private_leaves, shared_leaves;
static struct gate idt[32] __attribute__((aligned(16)));
static u64 gdt[4] = { 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff };
static u64 pages_used;

static u64 first_unit(void)
{
	return ((u64)scratch_room + UNIT - 1) & ~(UNIT - 1);
}

u64 new_page(void)
{
	return first_unit() + pages_used++ * PAGE;
}

u64 whole_unit(void)
{
	return first_unit() + UNIT;
}

static void load_page_tables(void)
{
	u64 private = private_bit(), shared = shared_bit(), cr4, root, i;

	for (i = 0; i < 512; i++) {
		private_leaves[i] = i << 30 | LEAF | private;
		shared_leaves[i] = i << 30 | LEAF | shared;
	}
	top[0] = (u64)private_leaves | TABLE | private;
	top[SHARED_ALIAS >> 39] = (u64)shared_leaves | TABLE | private;
	top5[0] = (u64)top | TABLE | private;
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	root = (cr4 & CR4_LA57 ? (u64)top5 : (u64)top) | private;
	__asm__ volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

static void load_descriptors(void)
{
	struct pointer pointer = { sizeof(gdt) - 1, (u64)gdt };
	unsigned int i;

	__asm__ volatile("lgdt %0\n\t"
			 "push $0x10\n\tlea 1f(%%rip), %%rax\n\tpush %%rax\n\tlretq\n"
			 "1:\tmov %1, %%ds\n\tmov %1, %%es\n\tmov %1, %%ss"
			 : : "m"(pointer), "r"(0x18) : "rax", "memory");
	for (i = 0; i < 32; i++) {
		u64 stub = (u64)vectors + i * 16;

		idt[i] = (struct gate){ .low = stub, .selector = 0x10, .type = 0x8e00,
					.middle = stub >> 16, .high = stub >> 32 };
	}
	pointer = (struct pointer){ sizeof(idt) - 1, (u64)idt };
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static u64 resume_at(u64 rip)
{
	const struct fixup *one;

	for (one = fixups; one < fixups_end; one++)
		if ((u64)&one->at + one->at == rip)
			return (u64)&one->resume + one->resume;
	return 0;
}

void on_exception(struct frame *frame)
{
	u64 cr2, resume = resume_at(frame->rip);

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	trap = (struct trap){ trap.count + 1, frame->vector, frame->error, frame->rip, cr2 };
	if (!resume && (frame->rip < (u64)image_start || frame->rip >= (u64)scratch_room)) {
		/* a fetch that failed: return from the call that led there */
		frame->rax = FAULTED;
		resume = *(u64 *)frame->rsp;
		frame->rsp += 8;
	}
	if (!resume) {
		put("Bail out! exception ");
		put_decimal(frame->vector);
		put(" at image offset ");
		put_hex(frame->rip - (u64)image_start);
		put("\n");
		give_up();
	}
	frame->rip = resume;
}

void start(const struct boot *boot)
{
	load_descriptors();
	load_page_tables();
	platform_start();
	run_rows(boot->command_line);
	power_off(boot->rsdp);
	for (;;)
		;
}
