/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers at a probe, in the order in which the kernel keeps them on x86-64: a program's view of
 * them (bpf_user_pt_regs_t) is part of the kernel's stable interface.
 */
#ifndef ACCEPTLAB_PTRACE_H
#define ACCEPTLAB_PTRACE_H

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

#endif
