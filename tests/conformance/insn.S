/* SPDX-License-Identifier: GPL-2.0-only */
/* Instructions that may fault, each at a symbol at_NAME, and the exception stubs. */
	.text
faulted:
	mov $-1, %rax
	ret

	.macro can_fault insn, resume=faulted
	.pushsection .fixups, "a"
	.long \insn - ., \resume - .
	.popsection
	.endm

	.macro access name, insn:vararg
	.globl \name, at_\name
\name:
	mov %rsi, %rax
at_\name:
	\insn
	ret
	can_fault at_\name
	.endm

	access read64, mov (%rdi), %rax
	access write64, mov %rax, (%rdi)

	/* A fetch that fails leaves RIP outside of the image: the handler returns from the call. */
	.globl fetch
fetch:
	xor %eax, %eax
	call *%rdi
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

	.globl cpuid_ebx, at_cpuid
cpuid_ebx:
	push %rbx
	mov %edi, %eax
	xor %ecx, %ecx
at_cpuid:
	cpuid
	mov %ebx, %eax
	pop %rbx
	ret
1:	mov $-1, %rax
	pop %rbx
	ret
	can_fault at_cpuid, 1b

	.globl pvalidate, at_pvalidate
pvalidate:
	mov %rdi, %rax
	mov %esi, %ecx
	stc
at_pvalidate:
	.byte 0xf2, 0x0f, 0x01, 0xff
	setc %cl
	movzbl %cl, %ecx
	mov %eax, %eax
	shl $32, %rcx
	or %rcx, %rax
	ret
	can_fault at_pvalidate

	.globl rmpadjust, at_rmpadjust
rmpadjust:
	mov %rdi, %rax
	mov %rsi, %rcx
at_rmpadjust:
	.byte 0xf3, 0x0f, 0x01, 0xfe
	mov %eax, %eax
	ret
	can_fault at_rmpadjust

	.globl vmgexit, at_vmgexit
vmgexit:
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

	.macro vector number, has_error
	.if !\has_error
	push $0
	.endif
	push $\number
	jmp common
	.p2align 4
	.endm

	.globl vectors
	.p2align 4
vectors:
	.set n, 0
	.rept 32
	.if n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21 || n == 29 || n == 30
	vector n, 1
	.else
	vector n, 0
	.endif
	.set n, n + 1
	.endr

common:
	push %rax
	push %rcx
	push %rdx
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	cld
	mov %rsp, %rdi
	mov %rsp, %rbp
	and $~15, %rsp
	call on_exception
	mov %rbp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq
