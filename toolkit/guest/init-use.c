/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads that use memory: pages of one process, files, huge pages, processes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "init.h"

#define STEP (64UL << 20)

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
int fill_tmpfs(unsigned long size)
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
int huge(unsigned long size)
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
int processes(unsigned long count)
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
