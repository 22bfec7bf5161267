/* SPDX-License-Identifier: GPL-2.0-only */
/* bcc rounds the sizes of tables up; ours are powers of two as they stand. */
#define roundup_pow_of_two(n) (n)
