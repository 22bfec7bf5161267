/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The instructions that the tests are about, each at a symbol at_NAME in the
 * middle of its function, so that a test can tell whether the emulator blames
 * the instruction. What faults goes on at the function's end with RAX = ~0.
 */
	.text
faulted:
	mov $-1, %rax
	ret

	.macro can_fault insn, resume=faulted
	.pushsection .fixups, "a"
	.quad \insn, \resume
	.popsection
	.endm

	/* NAME(rdi, rsi) -> rax */
	.macro access name, insn:vararg
	.globl \name, at_\name
\name:
	mov %rsi, %rax
	nop
at_\name:
	\insn
	ret
	can_fault at_\name
	.endm

	access read8, movzbl (%rdi), %eax
	access read64, mov (%rdi), %rax
	access write8, mov %al, (%rdi)
	access write64, mov %rax, (%rdi)
	access exchange64, xchg %rax, (%rdi)
	/* read and written */
	access add64, add %rax, (%rdi)
	access add8, addb $1, (%rdi)
	access add_immediate, addq $1, 0x40(%rdi)
	access locked_add32, lock addl $1, (%rdi)
	access shift, shlw $1, (%rdi)
	access shift_by_cl, rorq %cl, (%rdi)
	access not, notq (%rdi)
	access increment, incl (%rdi)
	access set_bit, lock bts %rsi, (%rdi)
	access clear_bit, btrw $1, (%rdi)
	access compare_exchange, lock cmpxchg %rsi, (%rdi)
	access exchange_add, lock xadd %rax, (%rdi)
	access compare_exchange16, cmpxchg16b (%rdi)
	access double_shift, shld $1, %rax, (%rdi)
	/* read only, though opcodes or groups are next to those */
	access compare, cmp %rax, (%rdi)
	access compare_immediate, cmpq $1, (%rdi)
	access test, testl $1, (%rdi)
	access multiply, mulq (%rdi)
	access add_to_register, add (%rdi), %rax
	access test_bit, btq $1, (%rdi)
	access push_operand, pushq (%rdi)

	/* its last byte is in the next page */
	.balign 4096
	.skip 4090
	access exchange_across_pages, xchg %rax, (%rdi)
	access hlt, hlt
	access wbinvd, wbinvd
	access invd, invd
	access rdpmc, rdpmc
	access rdtsc, rdtsc
	access write_dr7, mov %rdi, %dr7
	access read_dr7, mov %dr7, %rax
	access ud2, ud2

	/* A fetch fault leaves RIP outside of the image: the handler returns. */
	.globl fetch
fetch:
	call *%rdi
	ret

	/* u32 cpuid(leaf): EAX; cpuid_ebx(): EBX */
	.globl cpuid, at_cpuid
cpuid:
	push %rbx
	mov %edi, %eax
	xor %ecx, %ecx
at_cpuid:
	cpuid
1:	pop %rbx
	ret
	can_fault at_cpuid, 1b

	.globl cpuid_ebx
cpuid_ebx:
	push %rbx
	mov %edi, %eax
	xor %ecx, %ecx
	cpuid
	mov %ebx, %eax
	pop %rbx
	ret

	.globl rdmsr, at_rdmsr
rdmsr:
	mov %edi, %ecx
at_rdmsr:
	rdmsr
	shl $32, %rdx
	or %rdx, %rax
	ret
	can_fault at_rdmsr

	.globl wrmsr, at_wrmsr
wrmsr:
	mov %edi, %ecx
	mov %esi, %eax
	mov %rsi, %rdx
	shr $32, %rdx
at_wrmsr:
	wrmsr
	xor %eax, %eax
	ret
	can_fault at_wrmsr

	.globl in8, at_in8
in8:
	mov %edi, %edx
	xor %eax, %eax
at_in8:
	inb %dx, %al
	ret
	can_fault at_in8

	.globl out32, at_out32
out32:
	mov %edi, %edx
	mov %esi, %eax
at_out32:
	outl %eax, %dx
	xor %eax, %eax
	ret
	can_fault at_out32

	/* out of an immediate port, as few bytes as it gets */
	.globl out8_immediate, at_out8_immediate
out8_immediate:
	mov %edi, %eax
at_out8_immediate:
	outb %al, $0x80
	xor %eax, %eax
	ret
	can_fault at_out8_immediate

	/* outs8(buffer, count, port) */
	.globl outs8, at_outs8
outs8:
	mov %rsi, %rcx
	mov %rdi, %rsi
at_outs8:
	rep outsb
	xor %eax, %eax
	ret
	can_fault at_outs8

	.globl monitor, at_monitor
monitor:
	mov %rdi, %rax
	xor %ecx, %ecx
	xor %edx, %edx
at_monitor:
	monitor
	xor %eax, %eax
	ret
	can_fault at_monitor

	.globl mwait, at_mwait
mwait:
	xor %eax, %eax
	xor %ecx, %ecx
at_mwait:
	mwait
	xor %eax, %eax
	ret
	can_fault at_mwait

	/*
	 * u64 pvalidate(gva, size, validate): EAX, and CF in bit 32. CF is set
	 * before, so that only the instruction can have cleared it;
	 * pvalidate_from_clear() is the opposite.
	 */
	.macro make_pvalidate name, before
	.globl \name, at_\name
\name:
	mov %rdi, %rax
	mov %esi, %ecx
	\before
at_\name:
	.byte 0xf2, 0x0f, 0x01, 0xff
	setc %cl
	movzbl %cl, %ecx
	shl $32, %rcx
	or %rcx, %rax
	ret
	can_fault at_\name
	.endm

	make_pvalidate pvalidate, stc
	make_pvalidate pvalidate_from_clear, clc

	/* u64 rmpadjust(gva, size, attributes) -> EAX */
	.globl rmpadjust, at_rmpadjust
rmpadjust:
	mov %rdi, %rax
	mov %rsi, %rcx
at_rmpadjust:
	.byte 0xf3, 0x0f, 0x01, 0xfe
	ret
	can_fault at_rmpadjust

	.globl vmgexit, at_vmgexit
vmgexit:
	mov %rdi, %rax
	nop
at_vmgexit:
	.byte 0xf3, 0x0f, 0x01, 0xd9
	xor %eax, %eax
	ret
	can_fault at_vmgexit

	/* void tdcall(u64 registers[16]), in the order of the encoding; RSP stays */
	.globl tdcall, at_tdcall
tdcall:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	push %rdi
	mov %rdi, %rax
	mov 8(%rax), %rcx
	mov 16(%rax), %rdx
	mov 24(%rax), %rbx
	mov 40(%rax), %rbp
	mov 48(%rax), %rsi
	mov 56(%rax), %rdi
	mov 64(%rax), %r8
	mov 72(%rax), %r9
	mov 80(%rax), %r10
	mov 88(%rax), %r11
	mov 96(%rax), %r12
	mov 104(%rax), %r13
	mov 112(%rax), %r14
	mov 120(%rax), %r15
	mov (%rax), %rax
at_tdcall:
	.byte 0x66, 0x0f, 0x01, 0xcc
after_tdcall:
	push %rax
	mov 8(%rsp), %rax
	mov %rcx, 8(%rax)
	mov %rdx, 16(%rax)
	mov %rbx, 24(%rax)
	mov %rbp, 40(%rax)
	mov %rsi, 48(%rax)
	mov %rdi, 56(%rax)
	mov %r8, 64(%rax)
	mov %r9, 72(%rax)
	mov %r10, 80(%rax)
	mov %r11, 88(%rax)
	mov %r12, 96(%rax)
	mov %r13, 104(%rax)
	mov %r14, 112(%rax)
	mov %r15, 120(%rax)
	popq (%rax)
	pop %rdi
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
	can_fault at_tdcall, after_tdcall

	/*
	 * run_at_cpl3(routine): runs the routine at CPL 3; it ends with an int3, whose
	 * handler comes back here by the recorded stack (leave_cpl3).
	 */
	.globl run_at_cpl3
run_at_cpl3:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, cpl3_return(%rip)
	mov %rsp, %rax
	push $0x23
	lea cpl3_stack_end(%rip), %rax
	push %rax
	push $2
	push $0x2b
	push %rdi
	iretq

	.globl leave_cpl3
leave_cpl3:
	mov cpl3_return(%rip), %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	.globl user_pvalidate, at_user_pvalidate
user_pvalidate:
	mov $FRESH, %eax
	xor %ecx, %ecx
	mov $1, %edx
at_user_pvalidate:
	.byte 0xf2, 0x0f, 0x01, 0xff
	int3
	can_fault at_user_pvalidate, user_end

	.globl user_rmpadjust, at_user_rmpadjust
user_rmpadjust:
	lea cpl3_stack_end(%rip), %rax
	xor %ecx, %ecx
	mov $1, %edx
at_user_rmpadjust:
	.byte 0xf3, 0x0f, 0x01, 0xfe
	int3
	can_fault at_user_rmpadjust, user_end

	.globl user_tdcall, at_user_tdcall
user_tdcall:
	mov $1, %eax
at_user_tdcall:
	.byte 0x66, 0x0f, 0x01, 0xcc
	int3
	can_fault at_user_tdcall, user_end

	.globl user_read, at_user_read
user_read:
	mov $FRESH, %eax
at_user_read:
	mov (%rax), %rax
	int3
	can_fault at_user_read, user_end
user_end:
	int3

	/* TDCALL in compatibility mode (CS 0x40), then back */
	.globl compat_tdcall, at_compat_tdcall
compat_tdcall:
	push %rbx
	lea 1f(%rip), %rax
	push $0x40
	push %rax
	lretq
	.code32
1:	mov $1, %eax
at_compat_tdcall:
	.byte 0x66, 0x0f, 0x01, 0xcc
after_compat_tdcall:
	ljmp $0x10, $2f
	.code64
2:	pop %rbx
	ret
	can_fault at_compat_tdcall, after_compat_tdcall

	.data
	.balign 16
	.skip 2048
cpl3_stack_end:
	.quad 0
cpl3_return:
	.quad 0
