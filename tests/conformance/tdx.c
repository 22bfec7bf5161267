/* SPDX-License-Identifier: GPL-2.0-only */
#include "tdx.h"

#define VMCALL_IO 30
#define VMCALL_MMIO 48
#define VMCALL_MAP_GPA 0x10001
#define VMCALL_FATAL_ERROR 0x10003
#define SERIAL 0x3f8

u64 tdvmcall(struct vmcall *call)
{
	u64 r[16] = { [RCX] = 0xfc00, [R10] = call->r10, [R11] = call->r11, [R12] = call->r12,
		      [R13] = call->r13, [R14] = call->r14, [R15] = call->r15 };

	tdcall(r);
	*call = (struct vmcall){ r[R10], r[R11], r[R12], r[R13], r[R14], r[R15] };
	return r[RAX] ? r[RAX] : r[R10];
}

u64 leaf(u64 rax, u64 rcx)
{
	u64 r[16] = { [RAX] = rax, [RCX] = rcx };

	tdcall(r);
	return r[RAX];
}

u64 page_accept(u64 rcx)
{
	return leaf(6, rcx);
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

u64 config_flags(void)
{
	u64 flags;

	return vm_read(CONFIG_FLAGS, &flags) ? 0 : flags;
}

static u64 info(unsigned int reg)
{
	u64 r[16] = { [RAX] = 1 };

	tdcall(r);
	return r[reg];
}

u64 address_width(void)
{
	return info(RCX) & 0x3f;
}

u64 attributes(void)
{
	return info(RDX);
}

u64 private_bit(void)
{
	return 0;
}

u64 shared_bit(void)
{
	return 1ull << (address_width() - 1);
}

u64 map_gpa(u64 gpa, u64 size)
{
	struct vmcall call = { .r11 = VMCALL_MAP_GPA, .r12 = gpa, .r13 = size };

	return tdvmcall(&call);
}

static u64 made_pending(u64 gpa, u64 size)
{
	expect("R10 of MapGPA to shared", map_gpa(gpa | shared_bit(), size), 0);
	expect("R10 of MapGPA to private", map_gpa(gpa, size), 0);
	return gpa;
}

u64 pending_page(void)
{
	return made_pending(new_page(), PAGE);
}

u64 pending_unit(void)
{
	return made_pending(whole_unit(), UNIT);
}

void platform_start(void)
{
}

u64 port_read(u16 port, u32 size)
{
	struct vmcall call = { .r11 = VMCALL_IO, .r12 = size, .r13 = 0, .r14 = port };

	tdvmcall(&call);
	return call.r11;
}

void port_write(u16 port, u32 size, u32 value)
{
	struct vmcall call = { .r11 = VMCALL_IO, .r12 = size, .r13 = 1, .r14 = port,
			       .r15 = value };

	tdvmcall(&call);
}

void console_byte(u8 byte)
{
	port_write(SERIAL, 1, byte);
}

void mmio_write8(u64 gpa, u8 value)
{
	struct vmcall call = { .r11 = VMCALL_MMIO, .r12 = 1, .r13 = 1, .r14 = gpa, .r15 = value };

	tdvmcall(&call);
}

/* ReportFatalError (GHCI 3.4), without a message */
void give_up(void)
{
	struct vmcall call;

	for (;;) {
		call = (struct vmcall){ .r11 = VMCALL_FATAL_ERROR };
		tdvmcall(&call);
	}
}
