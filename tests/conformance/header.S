/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Headers of a bzImage (Linux Documentation/arch/x86/boot.rst, protocol 2.15) and of an EFI application (PE format), and both
 * entries. Offsets in the file are offsets from the PE image's start.
 */
#define SETUP_SECTORS 7			/* the protected-mode part begins at 0x1000 */

	.section .header, "a"
	.byte 'M', 'Z'
	.org 0x3c
	.long pe_header

	.org 0x80
pe_header:
	.ascii "PE\0\0"
	.word 0x8664			/* x86-64 */
	.word 2				/* sections */
	.long 0, 0, 0			/* time, symbols */
	.word sections - optional	/* size of the optional header */
	.word 0x022e			/* large addresses, executable, no debug, lines, symbols */
optional:
	.word 0x20b			/* PE32+ */
	.byte 2, 20			/* linker's version */
	.long file_end - 0x1000		/* code */
	.long 0, bss_size	/* data, and data without content */
	.long efi_entry
	.long 0x1000			/* where code begins */
	.quad 0				/* preferred address: none */
	.long 0x1000, 0x200		/* alignment of sections, in memory and in the file */
	.word 0, 0, 0, 0, 0, 0		/* versions of OS, image and subsystem */
	.long 0
	.long image_end			/* size of the image */
	.long 0x1000			/* size of the headers */
	.long 0				/* checksum */
	.word 10, 0			/* subsystem: EFI application; characteristics */
	.quad 0, 0, 0, 0		/* stack and heap */
	.long 0
	.long 6				/* directories: none has anything */
	.quad 0, 0, 0, 0, 0, 0
sections:
	.ascii ".text\0\0\0"
	.long file_end - 0x1000, 0x1000, file_end - 0x1000, 0x1000
	.long 0, 0
	.word 0, 0
	.long 0xe0000020		/* code; may be executed, read and written */
	.ascii ".bss\0\0\0\0"
	.long bss_size, file_end, 0, 0
	.long 0, 0
	.word 0, 0
	.long 0xc0000080		/* no content; may be read and written */

	.org 0x1f1
	.byte SETUP_SECTORS
	.word 0
	.long syssize			/* size of the protected-mode part, in 16 bytes */
	.word 0, 0xffff, 0
	.word 0xaa55
	.org 0x200
	.byte 0xeb, header_end - 0x202
	.ascii "HdrS"
	.word 0x020f
	.long 0
	.word 0
	.word version - 0x200
	.byte 0, 1			/* loader; flags: loaded at 1 MiB or above */
	.word 0
	.long 0x100000, 0, 0, 0		/* code32_start, initrd, its size, bootsect_kludge */
	.word 0
	.byte 0, 0
	.long 0				/* command line */
	.long 0x7fffffff		/* highest initrd */
	.long 0x200000			/* alignment */
	.byte 1, 21			/* relocatable; least alignment, a power of two */
	.word 3				/* 64-bit entry; may lie above 4 GiB */
	.long 2047			/* longest command line */
	.long 0
	.quad 0
	.long 0, 0			/* payload: none that is compressed */
	.quad 0
	.quad 0x1000000			/* preferred address */
	.long init_size
	.long 0, 0			/* handover entry, kernel_info: none */
header_end:
version:
#ifdef SNP
	.asciz "conformance-snp"
#else
	.asciz "conformance-tdx"
#endif
	.org 0x1000

	/* a stack of our own, and memory without content cleared; RDI and RSI stay */
	.macro own_memory
	cli
	cld
	mov %rdi, %rdx
	lea bss(%rip), %rdi
	lea bss_end(%rip), %rcx
	sub %rdi, %rcx
	xor %eax, %eax
	rep stosb
	mov %rdx, %rdi
	lea stack_end(%rip), %rsp
	xor %ebp, %ebp
	.endm

	.section .entry, "ax"
	hlt				/* the 32-bit entry: none */
	.org 0x200
	/* RSI: boot parameters; addresses are mapped as they are */
entry_64:
	mov %rsi, %rdi
	own_memory
	call from_boot_params
1:	jmp 1b

	/* RCX: image, RDX: system table; returns only where firmware's boot services cannot be ended */
	.globl efi_entry
efi_entry:
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r12
	push %r13
	push %r14
	push %r15
	sub $8, %rsp
	mov %rcx, %rdi
	mov %rdx, %rsi
	call leave_firmware
	test %eax, %eax
	jnz 1f
	own_memory
	call from_firmware
2:	jmp 2b
1:	add $8, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	mov $1, %eax
	ret

	.bss
	.balign 16
	.skip 0x4000
stack_end:
