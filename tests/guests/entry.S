/* SPDX-License-Identifier: GPL-2.0-only */
/* Where vCPUs begin, and the stubs of the exception vectors. */
	.section .text.start, "ax"

	/* 64-bit mode with the boot handoff's tables; RSI: the case to run */
	.globl start
start:
	cld
	xor %ebp, %ebp
	mov %rsi, %rdi
	call runtime_start
1:	jmp 1b

	/* secondary vCPUs, TDX: wait here, one page of their own. RSI: index */
	.globl ap_wait
	.p2align 12
ap_wait:
	cld
1:	pause
	cmpq $0, mailbox(%rip)
	je 1b
	cmp %rsi, mailbox_index(%rip)
	jne 1b
	mov mailbox(%rip), %rax
	jmp *%rax
	.p2align 12

	/* both platforms: a secondary vCPU with its own stack; RSI: index */
	.globl ap_start
ap_start:
	cld
	mov %rsi, %rdi
	mov %rsi, %rax
	shl $12, %rax
	lea ap_stacks(%rip), %rsp
	lea 4096(%rsp, %rax), %rsp
	call runtime_ap_start
1:	jmp 1b

	.text
	.macro vector number, has_error=0
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
