/* SPDX-License-Identifier: GPL-2.0-only */
/* Console, descriptor tables and exceptions of the test guests. */
#include "runtime.h"

#include <stdarg.h>

#define GED_SLEEP_CONTROL 0xfea00200ull	/* QEMU hw/i386/microvm.h, GED_MMIO_BASE_REGS */
#define SLEEP_TYPE_S5 (5 << 2)		/* ACPI 6.4 4.8.3.7: SLP_TYP, SLP_EN */
#define SLEEP_ENABLE (1 << 5)
#define MSR_GS_BASE 0xc0000101

struct fixup {
	u64 at, resume;
};

struct table_pointer {
	u16 limit;
	u64 base;
} __attribute__((packed));

struct gate {
	u16 low, selector, type, middle;
	u32 high, reserved;
};

struct task_state {
	u32 reserved;
	u64 rsp[3], reserved2, ist[7], reserved3;
	u16 reserved4, io_map;
} __attribute__((packed));

extern const struct fixup fixups[], fixups_end[];
extern const u8 vectors[], start[], image_end[];

volatile u64 exceptions;
volatile int quiet, fatal;
int (*volatile exception_hook)(struct frame *frame);
void (*volatile ap_routine)(u64 index);
volatile u64 mailbox, mailbox_index;
u8 ap_stacks[CPUS][PAGE] __attribute__((aligned(16)));

static struct cpu cpus[CPUS];
static struct gate idt[32];
static struct task_state task;
static u8 kernel_stack[PAGE] __attribute__((aligned(16)));
static u8 double_fault_stack[PAGE] __attribute__((aligned(16)));
/* null, -, code, data, user data, user code, task (2), 32-bit code */
static u64 gdt[] = {
	0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff,
	0, 0, 0x00cf9b000000ffff,
};

void *memset(void *to, int value, size_t size)
{
	void *start_of = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
	return start_of;
}

void *memcpy(void *to, const void *from, size_t size)
{
	void *start_of = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
	return start_of;
}

static void put(const char *text)
{
	while (*text)
		console_byte(*text++);
}

static void put_hex(u64 value)
{
	int shift = 60;

	put("0x");
	while (shift && !(value >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		console_byte("0123456789abcdef"[value >> shift & 15]);
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	for (; *format; format++) {
		if (*format != '%')
			console_byte(*format);
		else if (*++format == 'x')
			put_hex(va_arg(arguments, u64));
		else
			put(va_arg(arguments, const char *));
	}
	va_end(arguments);
	console_byte('\n');
}

void power_off(void)
{
	mmio_write(GED_SLEEP_CONTROL, 1, SLEEP_TYPE_S5 | SLEEP_ENABLE);
	for (;;)
		cpu_pause();
}

static u64 resume_at(struct frame *frame)
{
	const struct fixup *fixup;

	for (fixup = fixups; fixup < fixups_end; fixup++)
		if (fixup->at == frame->rip)
			return fixup->resume;
	/* a fetch that failed: return from the call that led there */
	if (frame->rip < (u64)start || frame->rip >= (u64)image_end) {
		frame->rsp += 8;
		return *(u64 *)(frame->rsp - 8);
	}
	return 0;
}

void on_exception(struct frame *frame)
{
	u64 resume, cr2;

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	if (frame->vector == 3) {	/* the end of a routine at CPL 3 */
		frame->rip = (u64)leave_cpl3;
		frame->cs = 0x10;
		frame->ss = 0x18;
		return;
	}
	if (exception_hook && exception_hook(frame))
		return;
	__atomic_add_fetch(&exceptions, 1, __ATOMIC_SEQ_CST);
	if (!quiet) {
		say_exception(frame);
		say("exception vector=%x error=%x rip=%x cr2=%x cs=%x", frame->vector,
		    frame->error, frame->rip, cr2, frame->cs);
	}
	resume = resume_at(frame);
	if (fatal || !resume)
		terminate(0, 0);
	frame->rip = resume;
}

static void load_tables(void)
{
	struct table_pointer pointer = { sizeof(gdt) - 1, (u64)gdt };
	u64 base = (u64)&task;

	gdt[6] = (sizeof(task) - 1) | (base & 0xffffff) << 16 | 0x89ull << 40 |
		 (base >> 24 & 0xff) << 56;
	gdt[7] = base >> 32;
	task.rsp[0] = (u64)kernel_stack + sizeof(kernel_stack);
	task.ist[0] = (u64)double_fault_stack + sizeof(double_fault_stack);
	__asm__ volatile("lgdt %0" : : "m"(pointer));
	__asm__ volatile("ltr %0" : : "r"((u16)0x30));
}

static void load_idt(void)
{
	struct table_pointer pointer = { sizeof(idt) - 1, (u64)idt };
	unsigned int i;

	for (i = 0; i < 32; i++) {
		u64 at = (u64)vectors + i * 16;

		idt[i] = (struct gate){
			.low = at, .selector = 0x10, .middle = at >> 16, .high = at >> 32,
			/* present, interrupt gate; int3 also from CPL 3; #DF on a stack of its own */
			.type = 0x8e00 | (i == 3 ? 0x6000 : 0) | (i == 8 ? 1 : 0),
		};
	}
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void set_exception_stack(unsigned int vector, u64 top)
{
	task.ist[1] = top;
	idt[vector].type = (idt[vector].type & ~7u) | 2;
}

static void set_cpu(u64 index)
{
	cpus[index] = (struct cpu){ &cpus[index], index };
	wrmsr(MSR_GS_BASE, (u64)&cpus[index]);
}

void runtime_start(void (*run)(void))
{
	set_cpu(0);
	load_tables();
	load_idt();
	platform_start(0);
	run();
	say("end");
	power_off();
}

void runtime_ap_start(u64 index)
{
	set_cpu(index);
	load_idt();
	platform_start(index);
	ap_routine(index);
	for (;;)
		cpu_pause();
}
