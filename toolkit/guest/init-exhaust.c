// SPDX-License-Identifier: GPL-2.0-only
/* A workload that takes memory until the kernel has accepted all of it. */
#define _GNU_SOURCE

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

#define PIECE (256UL << 10)

static long unaccepted(void)
{
	return field("/proc/meminfo", "Unaccepted");
}

/* The last of it is accepted when hardly anything is free: the kernel may have to kill this process. */
static int take_until_none_is_left(unsigned long limit)
{
	char *memory = mmap(NULL, limit, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned long taken;

	if (memory == MAP_FAILED)
		return errno;
	for (taken = 0; unaccepted() > 0; taken += PIECE) {
		if (taken + PIECE > limit)
			return ENOMEM;
		memset(memory + taken, 1, PIECE);
	}
	say("ACCEPTLAB exhaust taken=%lu\n", taken);
	return 0;
}

int exhaust(unsigned long unused)
{
	int status = 0;
	pid_t child;

	(void)unused;
	if (unaccepted() < 0)
		return ENOSYS; /* the kernel does not report unaccepted memory */
	child = fork();
	if (!child)
		_exit(take_until_none_is_left((unsigned long)field("/proc/meminfo", "MemTotal") << 10));
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ENOMEM;
}
