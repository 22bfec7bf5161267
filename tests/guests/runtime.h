/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every test guest stands on. A guest is a file of cases, functions
 * `void NAME(void)`; the boot handoff names the one to run. It says what it sees
 * in lines on the serial port, and ends by power-off or by termination.
 *
 * Addresses that the boot handoff decides come from its Python side as macros:
 * PAPERS (unused, up to FRESH), FRESH (first unaccepted byte), FRESH_END, HOLE, HOLE_END, RAM_END,
 * SHARED_ALIAS (added to an address: the same page mapped shared), WINDOW (an
 * unmapped part of the address space), TABLES, PRIVATE_BIT (in a page-table entry).
 */
#ifndef TEST_GUEST_RUNTIME_H
#define TEST_GUEST_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE 0x1000ull
#define UNIT 0x200000ull
#define FAULTED (~0ull)
#define CPUS 4

struct frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

struct cpu {
	struct cpu *self;	/* at GS:0 */
	u64 index;
};

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

/* printf of %x and %s only; one line, the newline is added */
void say(const char *format, ...);
/* ends the guest as a kernel does: by the machine's sleep register */
void power_off(void) __attribute__((noreturn));

/* Exceptions are said and, where a fixup is known, survived. */
extern volatile u64 exceptions;
/* 1: an exception is not said (a storm of them) */
extern volatile int quiet;
/* 1: the first exception ends the guest through terminate(0, 0), as in Linux */
extern volatile int fatal;
/* called before anything else; 1: it did all there was to do */
extern int (*volatile exception_hook)(struct frame *frame);

/* the first vCPU takes the exception on that stack from now on; one vector only */
void set_exception_stack(unsigned int vector, u64 top);

/* --- access.S ------------------------------------------------------------------ */
u64 read8(u64 gva);
u64 read64(u64 gva);
u64 write8(u64 gva, u64 value);
u64 write64(u64 gva, u64 value);
u64 exchange64(u64 gva, u64 value);
void fetch(u64 gva);
u64 hlt(void);
u64 wbinvd(void);
u64 invd(void);
u64 rdpmc(void);
u64 rdtsc(void);
u64 write_dr7(u64 value);
u64 read_dr7(void);
u64 ud2(void);
u32 cpuid(u32 leaf);
u32 cpuid_ebx(u32 leaf);
u64 rdmsr(u32 msr);
u64 wrmsr(u32 msr, u64 value);
u64 in8(u32 port);
u64 out32(u32 port, u32 value);
u64 out8_immediate(u32 value);
u64 outs8(const void *buffer, u64 count, u32 port);
u64 monitor(const volatile void *at);
u64 mwait(void);
u64 pvalidate(u64 gva, u32 size, u32 validate);
u64 pvalidate_from_clear(u64 gva, u32 size, u32 validate);
u64 rmpadjust(u64 gva, u64 size, u64 attributes);
u64 vmgexit(void);
void tdcall(u64 registers[16]);
void run_at_cpl3(void (*routine)(void));
void leave_cpl3(void);
void user_pvalidate(void);
void user_rmpadjust(void);
void user_tdcall(void);
void user_read(void);
void compat_tdcall(void);

/* --- the platform: snp.c or tdx.c -------------------------------------------------- */
void platform_start(u64 index);
void console_byte(char byte);
/* one page or unit; 0: accepted; else the platform's code */
u64 accept(u64 gpa, u64 size);
/* in the proper order; 0: done. make_private() does not accept. */
u64 make_shared(u64 gpa, u64 size);
u64 make_private(u64 gpa, u64 size);
/* accesses to what is no RAM, through the host */
u64 mmio_read(u64 gpa, u32 size);
void mmio_write(u64 gpa, u32 size, u64 value);
u64 port_read(u32 port, u32 size);
void port_write(u32 port, u32 size, u64 value);
void terminate(u32 set, u32 reason) __attribute__((noreturn));
/* says what the platform adds to an exception */
void say_exception(const struct frame *frame);
/* starts a secondary vCPU at ap_start; 0: done */
u64 start_cpu(u64 index);
/* what secondary vCPUs run; set before start_cpu() */
extern void (*volatile ap_routine)(u64 index);

static inline u64 read_cr3(void)
{
	u64 value;

	__asm__ volatile("mov %%cr3, %0" : "=r"(value));
	return value;
}

static inline void invlpg(u64 gva)
{
	__asm__ volatile("invlpg (%0)" : : "r"(gva) : "memory");
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);

#endif
