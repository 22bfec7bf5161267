/* SPDX-License-Identifier: GPL-2.0-only */
/* Workloads on memory that is added and removed while the guest runs: the memory blocks of sysfs. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "init.h"

#define BLOCKS "/sys/devices/system/memory"
#define START "acceptlab.hotplug="
#define TENTHS_MAX 1200

/* Where memory may be added: the word that the toolkit puts on the command line. */
static unsigned long hotplug_start(void)
{
	static char cmdline[8192];
	char *word;

	slurp("/proc/cmdline", cmdline, sizeof(cmdline));
	word = strstr(cmdline, START);
	return word ? strtoul(word + sizeof(START) - 1, NULL, 0) : 0;
}

static unsigned long block_size(void)
{
	char text[32];

	slurp(BLOCKS "/block_size_bytes", text, sizeof(text));
	return strtoul(text, NULL, 16);
}

/*
 * For each block that was added: its state becomes `state`, if that is given. Bytes of those that
 * are online then (of all, if `all`); *error: the first that a change of state gave.
 */
static unsigned long blocks(const char *state, bool all, int *error)
{
	unsigned long start = hotplug_start(), size = block_size(), found = 0, number;
	DIR *folder = opendir(BLOCKS);
	char path[96], now[32], *end;
	struct dirent *entry;
	int fd;

	while (start && size && folder && (entry = readdir(folder))) {
		if (strncmp(entry->d_name, "memory", 6))
			continue;
		number = strtoul(entry->d_name + 6, &end, 10);
		if (*end || end == entry->d_name + 6 || number * size < start)
			continue;
		snprintf(path, sizeof(path), BLOCKS "/memory%lu/state", number);
		fd = state ? open(path, O_WRONLY) : -1;
		if (fd >= 0) {
			if (write(fd, state, strlen(state)) < 0 && !*error)
				*error = errno;
			close(fd);
		}
		slurp(path, now, sizeof(now));
		if (all || !strncmp(now, "online", 6))
			found += size;
	}
	if (folder)
		closedir(folder);
	return found;
}

/* Until as much is online, or, for 0, until no block is left */
static int wait_for(unsigned long size)
{
	unsigned long tenths;
	int unused = 0;

	for (tenths = 0; tenths < TENTHS_MAX; tenths++) {
		if (size ? blocks(NULL, false, &unused) >= size : !blocks(NULL, true, &unused))
			return 0;
		usleep(100000);
	}
	return ETIMEDOUT;
}

int plugged(unsigned long size)
{
	return wait_for(size);
}

int unplugged(unsigned long unused)
{
	(void)unused;
	return wait_for(0);
}

int set_online(unsigned long unused)
{
	int error = 0;

	(void)unused;
	blocks("online_movable", true, &error);
	return error;
}

int set_offline(unsigned long unused)
{
	int error = 0;

	(void)unused;
	blocks("offline", true, &error);
	return error;
}
