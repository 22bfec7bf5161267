/* SPDX-License-Identifier: GPL-2.0-only */
/* bcc includes this first and asks for one option; no program of ours depends on any other. */
#define CONFIG_BPF_SYSCALL 1
