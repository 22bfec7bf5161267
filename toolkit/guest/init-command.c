/* SPDX-License-Identifier: GPL-2.0-only */
/* The user's own program: its words are in a file of the initramfs, each ended by NUL. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include "init.h"

#define WORDS "/command"
#define SHELL "/shell" /* enters the root file system by itself (shell.py) */
#define MAX_WORDS 256

static char words[65536];

static int read_words(char *argv[MAX_WORDS + 1])
{
	int file = open(WORDS, O_RDONLY | O_CLOEXEC);
	ssize_t size = file < 0 ? -1 : read(file, words, sizeof(words) - 1);
	ssize_t at, start = 0;
	int count = 0;

	if (size <= 0)
		return 0;
	for (at = 0; at < size && count < MAX_WORDS; at++) {
		if (words[at])
			continue;
		argv[count++] = words + start;
		start = at + 1;
	}
	argv[count] = NULL;
	return count;
}

/* Returns 0, an error number, or -1 for a program that fails. */
int run_command(unsigned long unused)
{
	static char *argv[MAX_WORDS + 1];
	int status;
	pid_t child;

	(void)unused;
	if (!read_words(argv))
		return ENOENT;
	umount2("/tmp", MNT_DETACH); /* the program may lie in the initramfs's own */
	child = fork();
	if (child < 0)
		return errno;
	if (!child) {
		setenv("PATH", "/bin:/usr/bin:/sbin:/usr/sbin", 1);
		if (has_root() && strcmp(argv[0], SHELL) && (errno = enter_root()))
			_exit(127);
		execvp(argv[0], argv);
		say("ACCEPTLAB note %s cannot be executed: error %d\n", argv[0], errno);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child)
		return errno;
	if (WIFSIGNALED(status))
		say("ACCEPTLAB command signal=%d\n", WTERMSIG(status));
	else
		say("ACCEPTLAB command exit=%d\n", WEXITSTATUS(status));
	return status ? -1 : 0;
}
