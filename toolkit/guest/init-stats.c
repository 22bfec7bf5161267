/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's own counts of acceptance, to compare with the events. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include "init.h"

#define DEBUGFS "/sys/kernel/debug"

static bool is_about_acceptance(const char *line)
{
	return strstr(line, "accept");
}

static bool every(const char *line)
{
	(void)line;
	return true;
}

static void print(const char *path, bool (*wanted)(const char *line))
{
	char line[512];
	FILE *file = fopen(path, "r");

	if (!file) {
		say("ACCEPTLAB note %s cannot be read: %s\n", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		if (wanted(line))
			say("ACCEPTLAB stats %s", line);
	}
	fclose(file);
}

int print_accept_stats(unsigned long unused)
{
	(void)unused;
	if (mount("debugfs", DEBUGFS, "debugfs", 0, "") && errno != EBUSY)
		say("ACCEPTLAB note debugfs cannot be mounted: %s\n", strerror(errno));
	print("/proc/vmstat", is_about_acceptance);
	print(DEBUGFS "/unaccepted_memory", every);
	return 0;
}
