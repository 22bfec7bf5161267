# SPDX-License-Identifier: GPL-2.0-only
"""Help texts, messages, documents, comments and texts of patches do without the words of `words.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from acceptlab.toolkit.places import CHECKOUT

WORDS = Path(__file__).with_name("words.toml")
PROSE = {".md", ".txt", ".patch", ".toml"}
CODE = {".c", ".h", ".S"}
FOLDERS = ("analysis", "toolkit", "emulator", "patches", "docs", "data", "benchmarks", "traces")
MARKS = re.compile(r"^[ \t]*(?:(?:[+#*>:]|//|/\*+|\*/)[ \t]*)*", re.MULTILINE)
"""What stands before the words of a line of a comment, a quotation or a patch."""
NO_LINE_END = re.compile(r"[^\n]")
PYTHON_TEXT = re.compile(
    r"""#[^\n]*|[A-Za-z]{0,2}(?:\"{3}(?:\\.|.)*?\"{3}|'{3}(?:\\.|.)*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL,
)
C_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


@dataclass(frozen=True)
class Rule:
    """One entry of `words.toml`."""

    out: str
    use: str
    not_in: tuple[str, ...] = ()

    @cache  # noqa: B019
    def lines_by_file(self) -> dict[str, list[int]]:
        """Lines of all files of texts() that have the words."""
        found = {name: self.found_in(text) for name, text in texts().items()}
        return {name: lines for name, lines in found.items() if lines}

    def found_in(self, text: str) -> list[int]:
        """Lines of the text, from 1 on, that have the words."""
        pattern = re.compile(self.out.replace(" ", r"\s+"), re.IGNORECASE)
        return [text.count("\n", 0, one.start()) + 1 for one in pattern.finditer(text)]


def rules() -> list[Rule]:
    return [
        Rule(one["out"], one["use"], tuple(one.get("not_in", ())))
        for one in tomllib.loads(WORDS.read_text())["word"]
    ]


def only(text: str, keep: Iterator[tuple[int, int]]) -> str:
    """The text with everything but some parts blanked, line ends kept, so that lines keep their numbers."""
    parts, at = [], 0
    for start, end in keep:
        parts += [NO_LINE_END.sub(" ", text[at:start]), text[start:end]]
        at = end
    return "".join([*parts, NO_LINE_END.sub(" ", text[at:])])


def python_parts(text: str) -> Iterator[tuple[int, int]]:
    """Comments and strings: the quotes and number signs of a program begin these alone."""
    for one in PYTHON_TEXT.finditer(text):
        yield one.span()


def patch_parts(text: str) -> Iterator[tuple[int, int]]:
    """The commit message, and the lines that a patch adds."""
    at = 0
    in_message = True
    for line in text.splitlines(keepends=True):
        in_message = in_message and not line.startswith("diff --git ")
        if in_message or (line.startswith("+") and not line.startswith("+++")):
            yield at, at + len(line)
        at += len(line)


def prose_of(name: str, text: str) -> str:
    """What people read in a file: the rest of it is blank, marks of comments are, too."""
    kind = Path(name).suffix
    if kind == ".py":
        text = only(text, python_parts(text))
    elif kind in CODE:
        text = only(text, (one.span() for one in C_TEXT.finditer(text)))
    elif kind == ".patch":
        text = only(text, patch_parts(text))
    return MARKS.sub("", text)


@cache
def texts() -> dict[str, str]:
    """The prose of every file whose words are ours, by its path in the checkout."""
    files = [one for folder in FOLDERS for one in (CHECKOUT / folder).rglob("*")]
    files += CHECKOUT.glob("*.md")
    found = {}
    for file in files:
        if file.suffix not in PROSE | CODE | {".py"} or "__pycache__" in file.parts:
            continue
        name = str(file.relative_to(CHECKOUT))
        found[name] = prose_of(name, file.read_text(errors="replace"))
    return found


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.use)
def test_words_that_are_out(rule: Rule) -> None:
    wrong = [
        f"{name}:{line}"
        for name, lines in rule.lines_by_file().items()
        if not any(fnmatch(name, glob) for glob in rule.not_in)
        for line in lines
    ]
    assert not wrong, f"use: {rule.use}"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.use)
def test_exceptions_are_needed(rule: Rule) -> None:
    needed = set(rule.lines_by_file())
    assert [glob for glob in rule.not_in if not any(fnmatch(one, glob) for one in needed)] == []


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("x.py", 'a = 1\nraise ValueError(f"{a} said nothing")\n', 2),
        ("x.py", "# It said\n# nothing.\n", 1),
        ("x.c", "int a;\n/* It said\n * nothing. */\n", 2),
        ("x.md", "> It said\n> nothing.\n", 1),
        ("x.patch", "Subject: It said\n nothing\n", 1),
        ("x.patch", "diff --git a b\n+/* said\n+ * nothing */\n", 2),
    ],
)
def test_words_are_found_across_lines(name: str, text: str, line: int) -> None:
    assert rules()[0].found_in(prose_of(name, text)) == [line]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.py", "said = nothing\n"),
        ("x.c", "said nothing;\n"),
        ("x.patch", "diff --git a b\n-said nothing\n said nothing\n"),
    ],
)
def test_code_and_foreign_lines_are_not_read(name: str, text: str) -> None:
    assert rules()[0].found_in(prose_of(name, text)) == []
