/* SPDX-License-Identifier: GPL-2.0-only */
/* A root file system on the guest's disk: modules for it, mounted with an overlay in memory, and programs that run in it. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "init.h"

#define MODULES "/modules"
#define WORD "acceptlab.root="
#define DISK "/dev/vda"
#define LOWER "/disk"
#define ABOVE "/above"
#define TENTHS_MAX 100

static bool mounted;

static void load(const char *name)
{
	char path[288];
	int file;

	snprintf(path, sizeof(path), MODULES "/%s", name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || (syscall(SYS_finit_module, file, "", 0) && errno != EEXIST))
		say("ACCEPTLAB note module %s cannot be loaded: %s\n", name, strerror(errno));
	if (file >= 0)
		close(file);
}

/* In the order of their names, which is that of their dependencies. */
void load_modules(void)
{
	struct dirent **found;
	int count = scandir(MODULES, &found, NULL, alphasort), i;

	for (i = 0; i < count; i++)
		if (found[i]->d_name[0] != '.')
			load(found[i]->d_name);
}

/* The value of our word, such as `ext4:overlay`; whether there is one. */
static bool wanted(char type[16], char mode[16])
{
	static char cmdline[8192];
	char *word;

	slurp("/proc/cmdline", cmdline, sizeof(cmdline));
	word = strstr(cmdline, WORD);
	return word && sscanf(word + sizeof(WORD) - 1, "%15[a-z0-9]:%15[a-z]", type, mode) == 2;
}

bool has_root(void)
{
	char type[16], mode[16];

	return wanted(type, mode);
}

static int make_mount(const char *what, const char *where, const char *type, int flags,
		      const char *data)
{
	mkdir(where, 0755);
	return mount(what, where, type, flags, data) ? errno : 0;
}

static int mount_overlay(const char *type)
{
	int error = make_mount(DISK, LOWER, type, MS_RDONLY, "");

	if (error || (error = make_mount("tmpfs", ABOVE, "tmpfs", 0, "size=100%")))
		return error;
	mkdir(ABOVE "/upper", 0755);
	mkdir(ABOVE "/work", 0755);
	return make_mount("overlay", ROOT, "overlay", 0,
			  "lowerdir=" LOWER ",upperdir=" ABOVE "/upper,workdir=" ABOVE "/work");
}

static int mount_disk(const char *type, const char *mode)
{
	if (!strcmp(mode, "overlay"))
		return mount_overlay(type);
	return make_mount(DISK, ROOT, type, strcmp(mode, "rw") ? MS_RDONLY : 0, "");
}

static void mount_inside(void)
{
	static const struct {
		const char *type, *where;
	} mounts[] = {
		{ "proc", ROOT "/proc" },     { "sysfs", ROOT "/sys" }, { "devtmpfs", ROOT "/dev" },
		{ "devpts", ROOT "/dev/pts" }, { "tmpfs", ROOT "/tmp" }, { "tmpfs", ROOT "/run" },
	};
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		make_mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, "");
}

void mount_root(void)
{
	char type[16], mode[16];
	int tenths, error;

	if (!wanted(type, mode))
		return;
	for (tenths = 0; access(DISK, F_OK) && tenths < TENTHS_MAX; tenths++)
		usleep(100000);
	error = mount_disk(type, mode);
	if (error) {
		say("ACCEPTLAB root failed: %s\n", strerror(error));
		return;
	}
	mount_inside();
	mounted = true;
	say("ACCEPTLAB root mounted\n");
}

/* For a program that is to run in it: 0, or an error number. */
int enter_root(void)
{
	if (!mounted)
		return ENODEV;
	setenv("HOME", "/root", 1);
	setenv("TERM", "dumb", 0);
	return chroot(ROOT) || chdir("/") ? errno : 0;
}
