/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading memory by its address, whatever it is used for: a page of each unit of 2 MiB. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "init.h"

#define UNIT (2UL << 20)
#define SEGMENTS 64

static char page[PAGE];

static bool is_zero(const char *bytes)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, PAGE - 1);
}

/* The kernel's view of itself: what it must not read it shows as zeroes. */
int read_kcore(unsigned long unused)
{
	int fd = open("/proc/kcore", O_RDONLY), i, error = 0;
	unsigned long at, pages = 0, zero = 0;
	Elf64_Phdr segments[SEGMENTS];
	Elf64_Ehdr header;

	(void)unused;
	if (fd < 0)
		return errno;
	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) || header.e_phnum > SEGMENTS)
		error = EIO;
	else if (pread(fd, segments, header.e_phnum * sizeof(*segments), header.e_phoff) < 0)
		error = errno;
	for (i = 0; !error && i < header.e_phnum; i++) {
		/* What is no RAM has no physical address. */
		if (segments[i].p_type != PT_LOAD || segments[i].p_paddr == (Elf64_Addr)-1)
			continue;
		for (at = 0; at + PAGE <= segments[i].p_filesz; at += UNIT) {
			if (pread(fd, page, PAGE, segments[i].p_offset + at) != (ssize_t)PAGE) {
				error = errno ? errno : EIO;
				break;
			}
			pages++;
			zero += is_zero(page);
		}
	}
	close(fd);
	say("ACCEPTLAB workload kcore pages=%lu zero=%lu\n", pages, zero);
	return error;
}

/* All that /proc/iomem calls RAM; most kernels refuse to show it, each for a reason of its own. */
int read_devmem(unsigned long unused)
{
	unsigned long start, end, read = 0, forbidden = 0, bad = 0;
	int fd = open("/dev/mem", O_RDONLY);
	char line[256], name[64];
	FILE *map;

	(void)unused;
	map = fopen("/proc/iomem", "r");
	if (fd < 0 || !map)
		return errno;
	while (fgets(line, sizeof(line), map)) {
		if (sscanf(line, "%lx-%lx : %63[^\n]", &start, &end, name) != 3 ||
		    line[0] == ' ' || strcmp(name, "System RAM"))
			continue;
		for (; start + PAGE - 1 <= end; start += UNIT) {
			if (pread(fd, page, PAGE, start) == (ssize_t)PAGE)
				read++;
			else if (errno == EPERM)
				forbidden++;
			else
				bad++;
		}
	}
	fclose(map);
	close(fd);
	say("ACCEPTLAB workload devmem read=%lu forbidden=%lu bad=%lu\n", read, forbidden, bad);
	return 0;
}
