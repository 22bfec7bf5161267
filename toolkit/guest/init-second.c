/* SPDX-License-Identifier: GPL-2.0-only */
/* A second kernel, started by kexec or by a crash; and reading what crashed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/kexec.h>
#include "init.h"

#define KERNEL "/second/kernel"
#define INITRD "/second/initrd"
#define SECOND "acceptlab.kernel=second"	/* in its command line */

bool is_second_kernel(void)
{
	static char cmdline[8192];
	char *word, *rest = cmdline;

	slurp("/proc/cmdline", cmdline, sizeof(cmdline));
	while ((word = strsep(&rest, " \n"))) {
		if (!strcmp(word, SECOND))
			return true;
	}
	return false;
}

static bool starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static void append(char *line, size_t size, const char *word)
{
	size_t length = strlen(line);

	snprintf(line + length, size - length, "%s%s", length ? " " : "", word);
}

/*
 * The words of our own command line but for what we have done: the workloads up
 * to the one that asks for a second kernel, and the memory set apart for it.
 */
static void second_command_line(char *line, size_t size, const char *workload,
				const char *more)
{
	static char cmdline[8192];
	char *word, *rest = cmdline;
	bool done = false;

	slurp("/proc/cmdline", cmdline, sizeof(cmdline));
	*line = '\0';
	while ((word = strsep(&rest, " \n"))) {
		bool is_workload = starts(word, OPTION);

		if (is_workload && !done) {
			done = !strcmp(word + strlen(OPTION), workload);
			continue;
		}
		if (*word && !starts(word, "crashkernel="))
			append(line, size, word);
	}
	append(line, size, SECOND);
	if (*more)
		append(line, size, more);
}

static int load(const char *workload, const char *more, unsigned long flags)
{
	static char line[8192];
	int kernel = open(KERNEL, O_RDONLY), initrd = open(INITRD, O_RDONLY);
	int error = 0;

	second_command_line(line, sizeof(line), workload, more);
	if (kernel < 0 || initrd < 0 ||
	    syscall(SYS_kexec_file_load, kernel, initrd, strlen(line) + 1, line, flags))
		error = errno;
	close(kernel);
	close(initrd);
	if (!error)
		say("ACCEPTLAB second kernel loaded for %s\n", workload);
	return error;
}

int kexec(unsigned long unused)
{
	int error = load("kexec", "", 0);

	(void)unused;
	if (error)
		return error;
	reboot(RB_KEXEC);
	return errno;
}

/* One vCPU, as kdump-tools has it: the others stay where the crash left them. */
int kdump(unsigned long unused)
{
	int error = load("kdump", "nr_cpus=1", KEXEC_FILE_ON_CRASH);
	int trigger;

	(void)unused;
	if (error)
		return error;
	trigger = open("/proc/sysrq-trigger", O_WRONLY);
	if (trigger < 0 || write(trigger, "c", 1) != 1)
		return errno;
	return ECANCELED;	/* no crash came of it */
}

/* All that the crashed kernel had, or its first SIZE bytes. */
int read_vmcore(unsigned long size)
{
	static char block[64 * PAGE];
	unsigned long done = 0;
	ssize_t got = 0;
	int error, fd = open("/proc/vmcore", O_RDONLY);

	if (fd < 0)
		return errno;
	while (done < size && (got = read(fd, block, sizeof(block))) > 0)
		done += got;
	error = got < 0 ? errno : 0;
	close(fd);
	say("ACCEPTLAB workload vmcore bytes=%lu\n", done);
	return error;
}
