/* SPDX-License-Identifier: GPL-2.0-only */
/* bcc includes this; nothing of it is needed. */
