/* SPDX-License-Identifier: GPL-2.0-only */
/* The test guests' side of TDX. */
#include "platform_tdx.h"

#define VMCALL_IO 30
#define VMCALL_MMIO 48
#define VMCALL_MAP_GPA 0x10001
#define VMCALL_FATAL_ERROR 0x10003
#define VE_VECTOR 20

extern volatile u64 mailbox, mailbox_index;
extern void ap_start(void);

u64 tdvmcall(struct vmcall *call)
{
	u64 r[16] = { [RCX] = 0xfc00, [R10] = call->r10, [R11] = call->r11, [R12] = call->r12,
		      [R13] = call->r13, [R14] = call->r14, [R15] = call->r15 };

	tdcall(r);
	*call = (struct vmcall){ r[R10], r[R11], r[R12], r[R13], r[R14], r[R15] };
	return r[RAX] ? r[RAX] : r[R10];
}

u64 page_accept(u64 rcx)
{
	u64 r[16] = { [RAX] = 6, [RCX] = rcx };

	tdcall(r);
	return r[RAX];
}

u64 page_release(u64 rcx)
{
	u64 r[16] = { [RAX] = 30, [RCX] = rcx };

	tdcall(r);
	return r[RAX];
}

u64 vm_read(u64 field, u64 *value)
{
	u64 r[16] = { [RAX] = 7, [RDX] = field };

	tdcall(r);
	*value = r[R8];
	return r[RAX];
}

u64 vm_write(u64 field, u64 value, u64 mask)
{
	u64 r[16] = { [RAX] = 8, [RDX] = field, [R8] = value, [R9] = mask };

	tdcall(r);
	return r[RAX];
}

u64 ve_info(u64 registers[16])
{
	memset(registers, 0, 16 * sizeof(u64));
	registers[RAX] = 3;
	tdcall(registers);
	return registers[RAX];
}

u64 map_gpa(u64 gpa, u64 size, u64 *r11)
{
	struct vmcall call = { .r11 = VMCALL_MAP_GPA, .r12 = gpa, .r13 = size };
	u64 status = tdvmcall(&call);

	*r11 = call.r11;
	return status;
}

void platform_start(u64 index)
{
	(void)index;
}

u64 port_read(u32 port, u32 size)
{
	struct vmcall call = { .r11 = VMCALL_IO, .r12 = size, .r13 = 0, .r14 = port };

	tdvmcall(&call);
	return call.r11;
}

void port_write(u32 port, u32 size, u64 value)
{
	struct vmcall call = { .r11 = VMCALL_IO, .r12 = size, .r13 = 1, .r14 = port,
			       .r15 = value };

	tdvmcall(&call);
}

void console_byte(char byte)
{
	port_write(0x3f8, 1, (u8)byte);
}

u64 mmio_read(u64 gpa, u32 size)
{
	struct vmcall call = { .r11 = VMCALL_MMIO, .r12 = size, .r13 = 0, .r14 = gpa };

	tdvmcall(&call);
	return call.r11;
}

void mmio_write(u64 gpa, u32 size, u64 value)
{
	struct vmcall call = { .r11 = VMCALL_MMIO, .r12 = size, .r13 = 1, .r14 = gpa,
			       .r15 = value };

	tdvmcall(&call);
}

u64 accept(u64 gpa, u64 size)
{
	return page_accept(gpa | (size == UNIT));
}

u64 make_shared(u64 gpa, u64 size)
{
	u64 r11;

	return map_gpa(gpa | SHARED_BIT, size, &r11);
}

u64 make_private(u64 gpa, u64 size)
{
	u64 r11;

	return map_gpa(gpa, size, &r11);
}

/* R12: the code; the message in R14, R15, RBX, RDI, RSI, R8, R9, RDX (GHCI 3.4) */
void report_fatal_error(u64 code, const char *message)
{
	static const u8 order[] = { R14, R15, RBX, RDI, RSI, R8, R9, RDX };
	u64 r[16] = { [RCX] = 0xdfcc, [R11] = VMCALL_FATAL_ERROR, [R12] = code };
	unsigned int i;

	for (i = 0; i < 64 && message[i]; i++)
		r[order[i / 8]] |= (u64)(u8)message[i] << 8 * (i % 8);
	tdcall(r);
}

void terminate(u32 set, u32 reason)
{
	for (;;)
		report_fatal_error((u64)set << 8 | reason, "unhandled exception");
}

void say_exception(const struct frame *frame)
{
	u64 r[16];

	if (frame->vector != VE_VECTOR)
		return;
	if (ve_info(r))
		say("ve none");
	else
		say("ve reason=%x qualification=%x gla=%x gpa=%x length=%x info=%x", r[RCX],
		    r[RDX], r[R8], r[R9], (u64)(u32)r[R10], r[R10] >> 32);
}

u64 start_cpu(u64 index)
{
	mailbox_index = index;
	__atomic_store_n(&mailbox, (u64)ap_start, __ATOMIC_SEQ_CST);
	return 0;
}
