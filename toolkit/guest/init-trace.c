/* SPDX-License-Identifier: GPL-2.0-only */
/* ftrace in a guest: marks where userspace begins, prints what was recorded. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include "init.h"

#define TRACEFS "/sys/kernel/tracing"

static int store(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		error = errno ? errno : EIO;
	close(fd);
	return error;
}

void mark_userspace(void)
{
	static char cmdline[8192];

	slurp("/proc/cmdline", cmdline, sizeof(cmdline));
	if (!strstr(cmdline, OPTION "ftrace"))
		return;
	if (mount("tracefs", TRACEFS, "tracefs", 0, ""))
		say("ACCEPTLAB note tracefs cannot be mounted: %s\n", strerror(errno));
	else if (store(TRACEFS "/trace_marker", "acceptlab: stage userspace\n"))
		say("ACCEPTLAB note the trace has no mark of userspace\n");
}

/* Every line with a prefix (analysis/readers/ftrace.py), so that it differs from other output. */
int print_trace(unsigned long unused)
{
	static char line[1024];
	FILE *trace;
	int error;

	(void)unused;
	error = store(TRACEFS "/tracing_on", "0");
	if (error)
		return error;
	trace = fopen(TRACEFS "/trace", "r");
	if (!trace)
		return errno;
	while (fgets(line, sizeof(line), trace))
		say("ACCEPTLAB trace %s", line);
	error = ferror(trace) ? EIO : 0;
	fclose(trace);
	return error;
}
