/* SPDX-License-Identifier: GPL-2.0-only */
/* What every part of the conformance guests shares. */
#ifndef CONFORMANCE_GUEST_H
#define CONFORMANCE_GUEST_H

#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE 0x1000ull
#define UNIT 0x200000ull
#define SHARED_ALIAS (1ull << 39)	/* added to an address: the same page mapped shared */
#define FAULTED (~0ull)

extern u8 image_start[];

/* The image is linked at 0: what a pointer in a table points to. */
static inline void *at(const void *pointer)
{
	return (void *)((u64)pointer + (u64)image_start);
}

/* --- rows --------------------------------------------------------------------------- */
struct row {
	const char *ids;	/* rows of docs/semantics.md, joined by commas */
	const char *title;
	void (*run)(void);
	u64 fatal;		/* 1: the guest ends by it; only where the command line names it */
};

/* A table of rows; tables are run in the order of their numbers. */
#define ROWS(number) \
	static const struct row rows_here[] \
		__attribute__((section(".rows." number), aligned(8), used))

/* A difference between what is and what has to be fails the row. */
void expect(const char *what, u64 is, u64 has_to_be);
void expect_true(const char *what, u64 condition);
/* The row cannot be shown here; its other checks do not count. */
void skip(const char *why);

/* --- text: the serial port, by the platform's own exits ---------------------------------- */
void put(const char *text);
void put_hex(u64 value);
void put_decimal(u64 value);
int contains(const char *text, const char *word);

/* --- memory: accepted and private when a row begins --------------------------------------- */
/* a page for one row only; all of them are in one unit */
u64 new_page(void);
/* the unit for rows about 2M */
u64 whole_unit(void);

/* --- start ---------------------------------------------------------------------------------- */
struct boot {
	const char *command_line;
	u64 rsdp;		/* of ACPI; 0: not known */
};

void start(const struct boot *boot) __attribute__((noreturn));
void run_rows(const char *command_line);
void power_off(u64 rsdp);
void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);

/* --- exceptions: the last one, and how many there were ---------------------------------------- */
struct frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

extern volatile struct trap {
	u64 count, vector, error, rip, cr2;
} trap;

/* --- insn.S: RAX is FAULTED after an exception ---------------------------------------------------- */
u64 read64(u64 gva);
u64 write64(u64 gva, u64 value);
u64 fetch(u64 gva);
u64 rdmsr(u32 msr);
u64 wrmsr(u32 msr, u64 value);
u64 cpuid_ebx(u32 leaf);
u64 pvalidate(u64 gva, u32 size, u32 validate);	/* EAX, and CF in bit 32; CF was set before */
u64 rmpadjust(u64 gva, u64 size, u64 attributes);
u64 vmgexit(void);
void tdcall(u64 registers[16]);
extern u8 at_read64[], at_write64[], at_pvalidate[];

/* --- the platform: snp.c or tdx.c ------------------------------------------------------------------ */
/* bits of a page-table entry; before the tables are in use */
u64 private_bit(void);
u64 shared_bit(void);
void platform_start(void);
void console_byte(u8 byte);
u64 port_read(u16 port, u32 size);
void port_write(u16 port, u32 size, u32 value);
void mmio_write8(u64 gpa, u8 value);
/* the last way out */
void give_up(void);

#endif
