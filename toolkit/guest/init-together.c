// SPDX-License-Identifier: GPL-2.0-only
/* A workload of all CPUs at once: their allocations meet where memory is accepted. */
#define _GNU_SOURCE

#include <errno.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

static pid_t start(long cpu, unsigned long share)
{
	pid_t child = fork();
	cpu_set_t only;

	if (child)
		return child;
	CPU_ZERO(&only);
	CPU_SET(cpu, &only);
	_exit(sched_setaffinity(0, sizeof(only), &only) ? errno : touch(share));
}

/* On every CPU a process that dirties its share of the memory, all at the same time. */
int together(unsigned long size)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu;
	int status, error = 0;

	for (cpu = 0; cpu < cpus; cpu++)
		if (start(cpu, size / cpus / PAGE * PAGE) < 0)
			error = errno;
	while (wait(&status) > 0)
		if (status && !error)
			error = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return error;
}
