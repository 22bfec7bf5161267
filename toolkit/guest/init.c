/* SPDX-License-Identifier: GPL-2.0-only */
/* First process of a guest: reports on memory, runs workloads, powers off. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "init.h"

#define HUGE (2UL << 20)
#define STEP (64UL << 20)

void say(const char *form, ...)
{
	char line[512];
	va_list args;
	int length;

	va_start(args, form);
	length = vsnprintf(line, sizeof(line), form, args);
	va_end(args);
	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	if (write(STDOUT_FILENO, line, length) != length)
		_exit(1);
}

void slurp(const char *path, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY);

	while (fd >= 0 && length + 1 < size) {
		got = read(fd, text + length, size - 1 - length);
		if (got <= 0)
			break;
		length += got;
	}
	text[length] = '\0';
	if (fd >= 0)
		close(fd);
}

/* The number after KEY at the start of a line, or -1. */
long field(const char *path, const char *key)
{
	static char text[64 << 10];
	size_t length = strlen(key);
	char *line;

	slurp(path, text, sizeof(text));
	for (line = text; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (!strncmp(line, key, length) && strchr(": \t", line[length]))
			return strtol(line + length + 1, NULL, 10);
	}
	return -1;
}

static const char *number(long value, char text[24])
{
	if (value < 0)
		return "none";
	snprintf(text, 24, "%ld", value);
	return text;
}

static void meminfo(const char *label)
{
	char kb[24], pages[24], total[24], available[24];

	say("ACCEPTLAB meminfo MemTotal=%s Unaccepted=%s nr_unaccepted=%s MemAvailable=%s label=%s\n",
	    number(field("/proc/meminfo", "MemTotal"), total),
	    number(field("/proc/meminfo", "Unaccepted"), kb),
	    number(field("/proc/vmstat", "nr_unaccepted"), pages),
	    number(field("/proc/meminfo", "MemAvailable"), available), label);
}

static unsigned long available(void)
{
	long kb = field("/proc/meminfo", "MemAvailable");

	return kb > 0 ? (unsigned long)kb << 10 : 0;
}

/* SIZE with suffix K, M, G or T, or `all`: what is available but an eighth. */
static unsigned long size_of(const char *text)
{
	unsigned long size, free = available();
	char *end;

	if (!strcmp(text, "all"))
		return (free - free / 8) & ~(HUGE - 1);
	size = strtoul(text, &end, 0);
	switch (*end) {
	case 'T':
		size <<= 10; /* fall through */
	case 'G':
		size <<= 10; /* fall through */
	case 'M':
		size <<= 10; /* fall through */
	case 'K':
		size <<= 10;
	}
	return size;
}

/* A line each time another eighth is done: much memory takes minutes. */
static void progress(unsigned long done, unsigned long step, unsigned long all)
{
	unsigned long eighth = all / 8;

	if (all >= STEP && done + step < all && (done + step) / eighth != done / eighth)
		say("ACCEPTLAB workload at=%lu\n", done + step);
}

int touch(unsigned long size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned long at;

	if (memory == MAP_FAILED)
		return errno;
	for (at = 0; at < size; at += PAGE) {
		memory[at] = 1;
		progress(at, PAGE, size);
	}
	munmap(memory, size);
	return 0;
}

/* A file that gets all its memory; nothing is written to it, which in an emulator would take long. */
static int fill_tmpfs(unsigned long size)
{
	unsigned long at, step;
	int fd, error = 0;

	fd = open("/tmp/fill", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return errno;
	for (at = 0; at < size && !error; at += step) {
		step = size - at < STEP ? size - at : STEP;
		if (fallocate(fd, 0, at, step))
			error = errno;
		progress(at, step, size);
	}
	close(fd);
	unlink("/tmp/fill");
	return error;
}

/* Huge pages from the pool if the kernel can fill one, else transparent ones. */
static int huge(unsigned long size)
{
	unsigned long at, pages = (size + HUGE - 1) / HUGE;
	char *memory, text[32];
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY), pool = 0;

	if (fd >= 0) {
		int length = snprintf(text, sizeof(text), "%lu\n", pages);

		pool = write(fd, text, length) == length &&
		       field("/proc/meminfo", "HugePages_Free") >= (long)pages;
	}
	size = pages * HUGE;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (pool ? MAP_HUGETLB : 0),
		      -1, 0);
	if (memory == MAP_FAILED)
		return errno;
	if (!pool)
		madvise(memory, size, MADV_HUGEPAGE);
	for (at = 0; at < size; at += HUGE) {
		memory[at] = 1;
		progress(at, HUGE, size);
	}
	say("ACCEPTLAB workload huge pages=%lu from=%s\n", pages, pool ? "pool" : "thp");
	munmap(memory, size);
	if (fd >= 0) {
		/* at the start of the file: elsewhere it is taken for more of the number */
		if (pool && pwrite(fd, "0\n", 2, 0) != 2)
			say("ACCEPTLAB note the pool of huge pages stays\n");
		close(fd);
	}
	return 0;
}

/* Each child dirties 64 pages of its own and ends. At most 64 live at a time. */
static int processes(unsigned long count)
{
	unsigned long started = 0, running = 0;
	int status, error = 0;

	while (started < count || running) {
		if (started < count && running < 64 && !error) {
			pid_t child = fork();

			if (!child)
				_exit(touch(64 * PAGE));
			if (child > 0) {
				started++;
				running++;
				continue;
			}
			error = errno;
			count = started;
		}
		if (!running)
			break;
		if (wait(&status) > 0) {
			running--;
			if (status && !error)
				error = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
		}
	}
	return error;
}

static int idle(unsigned long seconds)
{
	sleep(seconds);
	return 0;
}

static const struct workload {
	const char *name;
	int (*run)(unsigned long amount);
} workloads[] = {
	{ "touch", touch },		{ "tmpfs", fill_tmpfs }, { "huge", huge },
	{ "processes", processes },	{ "idle", idle },	 { "kexec", kexec },
	{ "kdump", kdump },		{ "vmcore", read_vmcore }, { "ftrace", print_trace },
	{ "stats", print_accept_stats }, { "kcore", read_kcore }, { "devmem", read_devmem },
	{ "together", together },	{ "exhaust", exhaust },
};

static void run(char *spec)
{
	char *argument = strchr(spec, ':');
	unsigned long amount;
	size_t i;
	int error;

	if (argument)
		*argument++ = '\0';
	amount = argument ? size_of(argument) : 1;
	for (i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
		if (strcmp(workloads[i].name, spec))
			continue;
		say("ACCEPTLAB workload %s begin amount=%lu\n", spec, amount);
		error = workloads[i].run(amount);
		say("ACCEPTLAB workload %s end result=%s\n", spec, error ? strerror(error) : "ok");
		return;
	}
	say("ACCEPTLAB workload %s unknown\n", spec);
}

/* Runs each acceptlab.workload= of the command line, in order. */
static void run_all(void)
{
	static char cmdline[8192];
	char *word, *rest = cmdline;

	slurp("/proc/cmdline", cmdline, sizeof(cmdline));
	while ((word = strsep(&rest, " \n"))) {
		if (!strncmp(word, OPTION, sizeof(OPTION) - 1))
			run(word + sizeof(OPTION) - 1);
	}
}

static void mount_all(void)
{
	static const struct {
		const char *type, *where, *data;
	} mounts[] = {
		{ "proc", "/proc", "" },
		{ "sysfs", "/sys", "" },
		{ "devtmpfs", "/dev", "" },
		{ "tmpfs", "/tmp", "size=100%" },
	};
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, mounts[i].data))
			say("ACCEPTLAB note %s cannot be mounted: %s\n", mounts[i].where,
			    strerror(errno));
	}
}

int main(void)
{
	bool second;

	/* The kernel opened /dev/console of the initramfs for us. */
	say("ACCEPTLAB userspace\n");
	mount_all();
	mark_userspace();
	second = is_second_kernel();
	if (second)
		say("ACCEPTLAB second userspace\n");
	meminfo(second ? "second_start" : "start");
	run_all();
	meminfo(second ? "second_end" : "end");
	say("ACCEPTLAB done\n");
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
