# SPDX-License-Identifier: GPL-2.0-only
"""A shell line on several short lines that a shell still reads as one."""

from __future__ import annotations

import re

WIDTH = 72
_INDENT = 2
_DEEPER = 4
_WORD = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+""", re.DOTALL)


def shell_lines(command: str) -> list[str]:
    """The command, broken between words; a long word without quotes is broken as well, where a shell joins it again.

    A quoted word is never broken: there a backslash would stand for itself.
    """
    lines: list[str] = []
    line = " " * _INDENT
    for word in _words(command):
        room = WIDTH - len(" \\")
        if line.strip() and len(line) + 1 + len(word) > room:
            lines.append(f"{line} \\")
            line = " " * _DEEPER
        line += f" {word}" if line.strip() else word
        while len(line) > WIDTH - 1 and not {"'", '"', "\\"} & set(word):
            lines.append(f"{line[: WIDTH - 1]}\\")
            line = line[WIDTH - 1 :]
    return [*lines, line]


def _words(command: str) -> list[str]:
    """Words as they stand there, quotes and all."""
    if _WORD.sub("", command).strip():
        return [command]  # a quote that is never closed: better long than wrong
    return [found[0] for found in _WORD.finditer(command)]
