/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels have not compared a program's version with their own since 5.0; bcc only wants to know one. */
#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE KERNEL_VERSION(6, 0, 0)
