/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of a guest's first process share. */
#ifndef ACCEPTLAB_INIT_H
#define ACCEPTLAB_INIT_H

#include <stdbool.h>
#include <stddef.h>

#define PAGE 4096UL
#define HUGE (2UL << 20)
#define OPTION "acceptlab.workload="
#define ROOT "/root"

/* init-text.c. One write per line, so that kernel messages cannot come in between. */
void say(const char *form, ...) __attribute__((format(printf, 1, 2)));

/* Reads a whole file of /proc; the text is empty if that fails. */
void slurp(const char *path, char *text, size_t size);

/* The number behind a key in a file of /proc, or -1. */
long field(const char *path, const char *key);

/* Whether our kernel was started by kexec or kdump (init-second.c). */
bool is_second_kernel(void);

/* Workloads of init-second.c: an error number, or they do not return. */
int kexec(unsigned long unused);
int kdump(unsigned long unused);
int read_vmcore(unsigned long size);

/* init-trace.c: tells ftrace that userspace begins, if its trace is wanted; workload. */
void mark_userspace(void);
int print_trace(unsigned long unused);

/* Workloads of init-memory.c: memory read by its address. */
int read_kcore(unsigned long unused);
int read_devmem(unsigned long unused);

/* Workloads of init-use.c. */
int touch(unsigned long size);
int fill_tmpfs(unsigned long size);
int huge(unsigned long size);
int processes(unsigned long count);

/* Workload of init-together.c. */
int together(unsigned long size);

/* Workload of init-breakpoint.c. */
int breakpoint(unsigned long unused);

/* Workloads of init-hotplug.c: until so much added memory is online, until none is left; set its state. */
int plugged(unsigned long size);
int unplugged(unsigned long unused);
int set_online(unsigned long unused);
int set_offline(unsigned long unused);

/* Workload of init-exhaust.c. */
int exhaust(unsigned long unused);

/* init-root.c: modules of the initramfs; the root file system, if one is wanted, at ROOT; and into it. */
void load_modules(void);
bool has_root(void);
void mount_root(void);
int enter_root(void);

/* Workload of init-command.c: 0, an error number, or -1 for a program that fails. */
int run_command(unsigned long unused);

/* Workload of init-stats.c. */
int print_accept_stats(unsigned long unused);

#endif
