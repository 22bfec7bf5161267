# SPDX-License-Identifier: GPL-2.0-only
"""The functions that a patch touches: those of the changed lines, in the source as the patch leaves it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.series.git import git

_PATHS = ("*.c", "*.h", "*.S")
_FILE = re.compile(r"^\+\+\+ (?:b/(?P<file>.+)|/dev/null)$")
_HUNK = re.compile(r"^@@ -\d+(?:,\d+)? \+(?P<line>\d+)(?:,(?P<count>\d+))? @@")
_CALL = re.compile(r"([A-Za-z_]\w*)\s*\(")
_LAST_WORD = re.compile(r"\w[\s*]+(\w+)\s*$")
"""A declaration's name, behind its type."""
_FIRST_ARGUMENT = re.compile(r"\s*([A-Za-z_]\w*)")
_SYSCALL = re.compile(r"(?:COMPAT_)?SYSCALL(?:32)?_DEFINE\d")
_ATTRIBUTES = frozenset(
    (
        "__printf",
        "__scanf",
        "__section",
        "__aligned",
        "__attribute__",
        "__acquires",
        "__releases",
        "__must_hold",
        "__alloc_size",
        "__no_sanitize",
        "__nonnull",
        "__realloc_size",
    )
)
"""What may stand before a function's name or behind its arguments, with parentheses of its own (include/linux/compiler_attributes.h)."""
_ONE_LINE = re.compile(r"^[A-Za-z_].*\)\s*\{.*\}\s*$")
_ASM_BEGIN = re.compile(r"^SYM_\w*START\w*\((\w+)\)")
_ASM_END = re.compile(r"^SYM_\w*END\w*\((\w+)\)")


@dataclass(frozen=True)
class Touched:
    """A function and the file that it is in."""

    function: str
    file: str


@dataclass(frozen=True)
class Body:
    """Where a function lies in a file: its first and last line, from 1 on."""

    name: str
    first: int
    last: int


def touched(repository: Path, before: str, after: str) -> tuple[Touched, ...]:
    """Return the functions of which a line differs between two commits and that the second has, in the order of the diff."""
    words = ("--no-color", "--no-ext-diff", "--no-renames", "--unified=0")
    diff = git(repository, "diff", *words, before, after, "--", *_PATHS)
    found: dict[Touched, None] = {}
    for file, places in changed_lines(diff).items():
        text = git(repository, "show", f"{after}:{file}")
        inside = bodies(text, assembly=file.endswith(".S"))
        for first, last in places:
            hit = (one for one in inside if one.first <= last and first <= one.last)
            found |= dict.fromkeys(Touched(one.name, file) for one in hit)
    return tuple(found)


def changed_lines(diff: str) -> dict[str, list[tuple[int, int]]]:
    """Return the changed lines of each file of a diff without context, as (first, last) in the new file.

    Lines that are gone count as the line before them and the one behind.
    """
    places: dict[str, list[tuple[int, int]]] = {}
    file = None
    for line in diff.splitlines():
        if named := _FILE.match(line):
            file = named["file"]
        elif file and (hunk := _HUNK.match(line)):
            first, count = int(hunk["line"]), int(hunk["count"] or 1)
            places.setdefault(file, []).append((first, first + count - 1 if count else first + 1))
    return places


def bodies(text: str, *, assembly: bool = False) -> list[Body]:
    """Return the functions of a C file in the kernel's style, where braces of functions are in the first column."""
    lines = text.splitlines()
    if assembly:
        return list(_assembly(lines))
    found = []
    at = 0
    while at < len(lines):
        if _ONE_LINE.match(lines[at]) and (name := name_of(lines[at])):
            found.append(Body(name, at + 1, at + 1))
        elif lines[at].rstrip() == "{":
            first = _head(lines, at)
            last = next((i for i in range(at, len(lines)) if lines[i].startswith("}")), at)
            name = name_of(" ".join(lines[first:at]))
            if name:
                found.append(Body(name, first + 1, last + 1))
            at = last
        at += 1
    return found


def _assembly(lines: list[str]) -> Iterable[Body]:
    begun: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if begin := _ASM_BEGIN.match(line):
            begun[begin[1]] = number
        elif (end := _ASM_END.match(line)) and end[1] in begun:
            yield Body(end[1], begun.pop(end[1]), number)


def _head(lines: list[str], brace: int) -> int:
    """Return the line at which the declaration before a brace begins."""
    first = brace
    while first > 0:
        above = lines[first - 1].rstrip()
        if not above or above[0] in "}#/" or above.endswith((";", "*/", "\\")):
            break
        first -= 1
    return first


def parameters_of(text: str, function: str) -> tuple[str, ...]:
    """Return the names of a function's parameters in a C file that defines it; none where they are not plain declarations."""
    lines = text.splitlines()
    for body in bodies(text):
        if body.name == function:
            head = " ".join(lines[body.first - 1 : body.last]).partition("{")[0]
            inside = head.partition(f"{function}(")[2].rpartition(")")[0]
            names = [_LAST_WORD.search(one) for one in inside.split(",")]
            return tuple(one[1] for one in names if one) if all(names) else ()
    return ()


def name_of(head: str) -> str:
    """Return the function that a declaration names, "" where it names none.

    A macro that makes functions (SYSCALL_DEFINE3(read, ...), DEFINE_IDTENTRY(exc_invalid_op)) has the name as its first argument.
    """
    if head.rstrip().endswith("="):
        return ""
    for call in _CALL.finditer(head):
        name = call[1]
        if head.count("(", 0, call.start()) != head.count(")", 0, call.start()):
            continue
        if name in _ATTRIBUTES:
            continue
        if not name.isupper():
            return name
        argument = _FIRST_ARGUMENT.match(head, call.end())
        if argument is None:
            return ""
        return f"__x64_sys_{argument[1]}" if _SYSCALL.fullmatch(name) else argument[1]
    return ""
