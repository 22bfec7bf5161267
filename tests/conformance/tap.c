/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs the rows and prints what came of them: Test Anything Protocol, version 13. */
#include "guest.h"

#define ROW_OPTION "row="

extern const struct row rows[], rows_end[];

static int failed;
static const char *skipped;

void expect(const char *what, u64 is, u64 has_to_be)
{
	if (is == has_to_be || skipped)
		return;
	failed = 1;
	put("# ");
	put(what);
	put(" is ");
	put_hex(is);
	put(", has to be ");
	put_hex(has_to_be);
	put("\n");
}

void expect_true(const char *what, u64 condition)
{
	if (condition || skipped)
		return;
	failed = 1;
	put("# not so: ");
	put(what);
	put("\n");
}

void skip(const char *why)
{
	if (!skipped)
		skipped = why;
}

static void run_row(const struct row *row, u64 number)
{
	u64 before = trap.count;

	failed = 0;
	skipped = NULL;
	((void (*)(void))at(row->run))();
	if (failed && trap.count != before) {
		put("# last exception: vector ");
		put_decimal(trap.vector);
		put(", error ");
		put_hex(trap.error);
		put(", CR2 ");
		put_hex(trap.cr2);
		put("\n");
	}
	put(failed && !skipped ? "not ok " : "ok ");
	put_decimal(number);
	put(" - ");
	put(at(row->ids));
	put(" ");
	put(at(row->title));
	if (skipped) {
		put(" # SKIP ");
		put(skipped);
	}
	put("\n");
}

/* Whether the command line has row=IDS, with the whole of IDS behind it */
static int is_named(const char *command_line, const struct row *row)
{
	const char *ids = at(row->ids);
	size_t i;

	for (; *command_line; command_line++) {
		for (i = 0; i < sizeof(ROW_OPTION) - 1; i++)
			if (command_line[i] != ROW_OPTION[i])
				break;
		if (i < sizeof(ROW_OPTION) - 1)
			continue;
		command_line += i;
		for (i = 0; ids[i] && command_line[i] == ids[i]; i++)
			;
		return !ids[i] && (!command_line[i] || command_line[i] == ' ');
	}
	return 0;
}

void run_rows(const char *command_line)
{
	int chosen = contains(command_line, ROW_OPTION);
	const struct row *row;
	u64 number = 0;

	for (row = rows; row < rows_end; row++)
		number += chosen ? is_named(command_line, row) : !row->fatal;
	put("\nTAP version 13\n1..");
	put_decimal(number);
	put("\n");
	number = 0;
	for (row = rows; row < rows_end; row++) {
		if (chosen ? !is_named(command_line, row) : row->fatal)
			continue;
		if (row->fatal)
			put("# the guest has to end here, without a line \"not ok\"\n");
		run_row(row, ++number);
	}
}
