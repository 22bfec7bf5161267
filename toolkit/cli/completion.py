# SPDX-License-Identifier: GPL-2.0-only
"""Answers the shell's completion from the table of the command line, in the protocol of Typer's scripts (`--install-completion`)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from acceptlab.toolkit.cli.completers import LIVE, starting_with
from acceptlab.toolkit.cli.completion_table import Table, table

VARIABLE = "_ACCEPTLAB_COMPLETE"
_BREAKS = (":", "=")
"""Characters at which bash ends a word, and which names of ours have (COMP_WORDBREAKS in bash(1))."""
Offer = tuple[str, str]
"""A word, and a help text or ""."""


def answer(environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Return what the shell is to read, and the exit code; None for what Typer has to answer: another shell, or its script."""
    shell = environment.get(VARIABLE, "").removeprefix("complete_")
    if shell == "bash":
        return _bash(environment), 0
    line = environment.get("_TYPER_COMPLETE_ARGS", "")
    if shell == "zsh":
        return _zsh(offers(*_typed(line))), 0
    if shell == "fish":
        found = offers(*_typed(line))
        if environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
            return "", 0 if found else 1
        return "\n".join(f"{word}\t{text}" if text else word for word, text in found), 0
    return None


def offers(words: Sequence[str], incomplete: str) -> list[Offer]:
    """Return what may stand in place of ``incomplete`` behind ``words``, those of the command line without `acceptlab`."""
    place = _Place(table())
    for word in words:
        if not place.read(word):
            return []
    return place.offers(incomplete)


class _Place:
    """How far a command line has been read: the command, and which of its parameters comes next."""

    def __init__(self, root: Table) -> None:
        self._command = root
        self._awaited: Table | None = None
        self._given: set[str] = set()
        self._arguments = 0
        self._no_options = False

    def read(self, word: str) -> bool:
        """Read one whole word; False for an unknown command."""
        name, joined, _ = word.partition("=")
        if self._awaited is not None:
            self._awaited = None
        elif word == "--":
            self._no_options = True
        elif word.startswith("-") and not self._no_options:
            self._given.add(name)
            option = self._command["options"].get(name)
            self._awaited = option if option and option["takes_value"] and not joined else None
        elif self._command["commands"]:
            if word not in self._command["commands"]:
                return False
            self._command, self._given = self._command["commands"][word], set()
        else:
            self._arguments += 1
        return True

    def offers(self, incomplete: str) -> list[Offer]:
        """Return what may stand here."""
        options: Table = self._command["options"]
        if self._awaited is not None:
            return _values(self._awaited, incomplete)
        if incomplete.startswith("-") and not self._no_options:
            name, joined, value = incomplete.partition("=")
            if joined:
                return [(f"{name}={word}", "") for word, _ in _values(options.get(name), value)]
            left = [one for one in options if options[one]["many"] or one not in self._given]
            return [(one, options[one]["help"]) for one in starting_with(left, incomplete)]
        if commands := self._command["commands"]:
            return [(one, commands[one]["help"]) for one in starting_with(commands, incomplete)]
        return _values(self._argument(), incomplete)

    def _argument(self) -> Table | None:
        listed: list[Table] = self._command["arguments"]
        if self._arguments < len(listed):
            return listed[self._arguments]
        return listed[-1] if listed and listed[-1]["many"] else None


def _values(parameter: Table | None, incomplete: str) -> list[Offer]:
    if parameter is None:
        return []
    if "live" in parameter:
        found = LIVE[parameter["live"]](incomplete)
    else:
        found = starting_with(parameter["words"], incomplete)
    return [(word, "") for word in found]


def _typed(line: str) -> tuple[list[str], str]:
    """Return the words of a line behind the program's name, and the one that is not ended yet."""
    words = _split(line)[1:]
    if words and not line.endswith(" "):
        return words[:-1], words[-1]
    return words, ""


def _split(line: str) -> list[str]:
    """Split as a shell does; a quote that is still open ends with the line."""
    for end in ("", '"', "'"):
        try:
            return shlex.split(line + end)
        except ValueError:
            continue
    return line.split()


def _bash(environment: Mapping[str, str]) -> str:
    """Bash ends a word at a colon and an equals sign, and replaces only what is behind the last one."""
    try:
        current = int(environment.get("COMP_CWORD", ""))
    except ValueError:
        return ""
    typed = environment.get("COMP_WORDS", "")
    parts = typed.split("\n") if "\n" in typed else _split(typed)
    parts = (parts + [""] * (current + 1))[: current + 1]
    words = _joined(parts[1:])
    incomplete = words.pop() if words else ""
    end = max(incomplete.rfind(one) for one in _BREAKS) + 1
    return "\n".join(word[end:] for word, _ in offers(words, incomplete))


def _joined(parts: Sequence[str]) -> list[str]:
    """Put together what bash took apart: ``debian``, ``:``, ``6.12``."""
    words: list[str] = []
    behind_break = False
    for part in parts:
        is_break = bool(part) and set(part) <= set(_BREAKS)
        if words and words[-1] and (is_break or (behind_break and part)):
            words[-1] += part
        else:
            words.append(part)
        behind_break = is_break
    return words


def _zsh(found: Sequence[Offer]) -> str:
    if not found:
        return "_files"
    entries = (f'"{_quoted(word)}":"{_quoted(text)}"' if text else f'"{_quoted(word)}"' for word, text in found)  # fmt: skip
    return "_arguments '*: :((" + "\n".join(entries) + "))'"


def _quoted(text: str) -> str:
    """Quote for the double quotes of a word inside the single quotes of a specification (zshcompsys(1))."""
    for one, instead in (('"', '""'), ("'", "''"), ("$", "\\$"), ("`", "\\`"), (":", "\\\\:")):
        text = text.replace(one, instead)
    return text


def complete() -> int | None:
    """Print the answer to the shell that has called us; return the exit code, or None for what Typer has to answer."""
    try:
        found: Any = answer(os.environ)
    except ImportError:  # no table yet, and no Typer to make it: nothing is installed for a key
        return 1
    if found is None:
        return None
    text, code = found
    print(text)
    return int(code)
