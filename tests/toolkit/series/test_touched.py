# SPDX-License-Identifier: GPL-2.0-only
"""Which functions a patch touches."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.toolkit.series.git import git
from acceptlab.toolkit.series.touched import (
    Body,
    Touched,
    bodies,
    changed_lines,
    name_of,
    parameters_of,
    touched,
)

SOURCE = """\
#include <linux/mm.h>

#define TWICE(x) \\
	((x) + (x))

struct zone { int pages; };

static const struct ops ops =
{
	.first = first,
};

/* takes a page */
static bool __init
take(struct zone *zone,
     int (*callback)(int))
{
	if (zone) {
		return true;
	}
	return false;
}

static inline int one(void) { return 1; }

int last(void) __releases(&lock)
{
	return 0;
}
"""


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("static bool try_to_accept_memory_one(struct zone *zone)", "try_to_accept_memory_one"),
        ("int __printf(1, 2) say(const char *format, ...)", "say"),
        ("static void unlock(void) __releases(lock)", "unlock"),
        ("SYSCALL_DEFINE3(read, unsigned int, fd, char __user *, buf, size_t, n)", "__x64_sys_read"),
        ("DEFINE_IDTENTRY_RAW(exc_invalid_op)", "exc_invalid_op"),
        ("static struct ops ops =", ""),
        ("struct zone", ""),
        ("static int (*table[])(void) =", ""),
    ],
)  # fmt: skip
def test_the_name_is_that_of_the_function(head: str, name: str) -> None:
    assert name_of(head) == name


def test_functions_reach_from_their_declaration_to_their_last_brace() -> None:
    lines = SOURCE.splitlines()
    found = bodies(SOURCE)
    assert [one.name for one in found] == ["take", "one", "last"]
    assert lines[found[0].first - 1] == "static bool __init"
    assert all(lines[one.last - 1].endswith("}") for one in found)
    assert found[1].first == found[1].last


def test_assembly_has_functions_too() -> None:
    text = "SYM_CODE_START_NOALIGN(relocate_kernel)\n\tret\nSYM_CODE_END(relocate_kernel)\n\nSYM_FUNC_START(a)\nSYM_FUNC_END(a)\n"
    assert bodies(text, assembly=True) == [Body("relocate_kernel", 1, 3), Body("a", 5, 6)]


def test_lines_that_are_gone_count_as_those_around_them() -> None:
    diff = "+++ b/mm/a.c\n@@ -3,2 +2,0 @@ int f(void)\n-a\n-b\n@@ -9 +7 @@\n-c\n+d\n+++ /dev/null\n@@ -1,2 +0,0 @@\n"
    assert changed_lines(diff) == {"mm/a.c": [(2, 3), (7, 7)]}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


def commit(repository: Path, **files: str) -> str:
    for name, text in files.items():
        path = repository / name.replace("_dot_", ".")
        path.write_text(text)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "x")
    return git(repository, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize(
    ("old", "new", "functions"),
    [
        ("\t\treturn true;\n", "\t\treturn !zone;\n", ["take"]),
        ("\tif (zone) {\n\t\treturn true;\n\t}\n", "", ["take"]),
        ("take(struct zone *zone,", "take(const struct zone *zone,", ["take"]),
        ("return 1;", "return 2;", ["one"]),
        ("struct zone { int pages; };", "struct zone { long pages; };", []),
        ("((x) + (x))", "(2 * (x))", []),
        ("int last(void)", "int more(void)\n{\n\treturn 3;\n}\n\nint last(void)", ["more"]),
        ("\treturn 0;", "\treturn 5;", ["last"]),
    ],
)
def test_a_patch_touches_the_functions_of_its_lines(
    repository: Path, old: str, new: str, functions: list[str]
) -> None:
    before = commit(repository, a_dot_c=SOURCE)
    assert SOURCE.count(old) == 1
    after = commit(repository, a_dot_c=SOURCE.replace(old, new))
    assert touched(repository, before, after) == tuple(Touched(name, "a.c") for name in functions)


def test_new_files_count_whole_and_files_that_are_gone_do_not(repository: Path) -> None:
    before = commit(repository, a_dot_c=SOURCE, b_dot_txt="x\n")
    (repository / "a.c").unlink()
    after = commit(repository, c_dot_c="int c(void)\n{\n}\n", b_dot_txt="int d(void)\n{\n}\n")
    assert touched(repository, before, after) == (Touched("c", "c.c"),)


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("void f(phys_addr_t start, unsigned long size)", ("start", "size")),
        ("void f(phys_addr_t start,\n       unsigned long size, enum reason why)", ("start", "size", "why")),
        ("static int __init f(struct zone *zone, void **place)", ("zone", "place")),
        ("void f(void)", ()),
        ("void f(int (*call)(int), int b)", ()),
        ("void g(int a)", ()),
    ],
)  # fmt: skip
def test_names_of_parameters(head: str, names: tuple[str, ...]) -> None:
    assert parameters_of(f"int x;\n\n{head}\n{{\n\treturn;\n}}\n", "f") == names
