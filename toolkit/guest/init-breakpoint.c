/* SPDX-License-Identifier: GPL-2.0-only */
/* A workload that leaves a hardware breakpoint active on every CPU, so that DR7 is in use. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

static long watched;

/*
 * The events stay open: the breakpoints are active until init or the kernel ends
 * (perf_event_open(2), PERF_TYPE_BREAKPOINT).
 */
int breakpoint(unsigned long unused)
{
	struct perf_event_attr event = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(event),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (unsigned long)&watched,
		.bp_len = HW_BREAKPOINT_LEN_8,
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), cpu;

	(void)unused;
	for (cpu = 0; cpu < cpus; cpu++) {
		if (syscall(SYS_perf_event_open, &event, -1, cpu, -1, 0) < 0)
			return errno;
	}
	say("ACCEPTLAB breakpoint cpus=%ld\n", cpus);
	return 0;
}
