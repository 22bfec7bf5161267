/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines to the console, and numbers from files of /proc. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "init.h"

void say(const char *form, ...)
{
	char line[512];
	va_list args;
	int length;

	va_start(args, form);
	length = vsnprintf(line, sizeof(line), form, args);
	va_end(args);
	if (length >= (int)sizeof(line))
		length = sizeof(line) - 1;
	if (write(STDOUT_FILENO, line, length) != length)
		_exit(1);
}

void slurp(const char *path, char *text, size_t size)
{
	size_t length = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY);

	while (fd >= 0 && length + 1 < size) {
		got = read(fd, text + length, size - 1 - length);
		if (got <= 0)
			break;
		length += got;
	}
	text[length] = '\0';
	if (fd >= 0)
		close(fd);
}

/* The number after KEY at the start of a line, or -1. */
long field(const char *path, const char *key)
{
	static char text[64 << 10];
	size_t length = strlen(key);
	char *line;

	slurp(path, text, sizeof(text));
	for (line = text; line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (!strncmp(line, key, length) && strchr(": \t", line[length]))
			return strtol(line + length + 1, NULL, 10);
	}
	return -1;
}
