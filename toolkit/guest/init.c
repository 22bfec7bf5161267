/* SPDX-License-Identifier: GPL-2.0-only */
/* First process of a guest: reports on memory, runs workloads, powers off. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>
#include "init.h"

#define NODES_MAX 8

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

/* What is unaccepted of each node, where there are several. */
static void node_meminfo(const char *label)
{
	char path[64], text[4096], *line;
	int node, nodes = 0;

	while (nodes < NODES_MAX) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", nodes);
		if (access(path, R_OK))
			break;
		nodes++;
	}
	for (node = 0; nodes > 1 && node < nodes; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/meminfo", node);
		slurp(path, text, sizeof(text));
		line = strstr(text, " Unaccepted:");
		if (line)
			say("ACCEPTLAB node=%d Unaccepted=%lu label=%s\n", node,
			    strtoul(line + sizeof(" Unaccepted:") - 1, NULL, 10), label);
	}
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
	{ "breakpoint", breakpoint },	{ "command", run_command },
	{ "plugged", plugged },		{ "unplugged", unplugged },
	{ "online", set_online },	{ "offline", set_offline },
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
		say("ACCEPTLAB workload %s end result=%s\n", spec,
		    error < 0 ? "failed" : error ? strerror(error) : "ok");
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
	load_modules();
	mount_root();
	second = is_second_kernel();
	if (second)
		say("ACCEPTLAB second userspace\n");
	meminfo(second ? "second_start" : "start");
	node_meminfo(second ? "second_start" : "start");
	run_all();
	meminfo(second ? "second_end" : "end");
	node_meminfo(second ? "second_end" : "end");
	say("ACCEPTLAB done\n");
	sync();
	reboot(RB_POWER_OFF);
	return 1;
}
