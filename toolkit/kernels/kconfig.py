# SPDX-License-Identifier: GPL-2.0-only
"""Why an option did not stick: what the tree's Kconfig files say of it, held against the configuration that came out.

kbuild drops such an option without a word. This reads only what is needed to name the reason: definitions, prompts and
dependencies (Documentation/kbuild/kconfig-language.rst).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SOURCE = re.compile(r'^(?:o?r?source)\s+"(?P<path>[^"]+)"')
_CONFIG = re.compile(r"^(?:menu)?config\s+(?P<name>\w+)$")
_TYPE = re.compile(r"^(?:def_)?(?P<type>bool|tristate|string|int|hex)\b\s*(?P<prompt>\".*)?")
_TOKEN = re.compile(r'\s*(&&|\|\||!=|<=|>=|=|<|>|!|\(|\)|"(?:[^"\\]|\\.)*"|[\w./-]+|\$\([^)]*\))')
_NAME = re.compile(r"[A-Z0-9_]*[A-Z][A-Z0-9_]*")
_ORDER = {"n": 0, "m": 1, "y": 2}


@dataclass
class Definition:
    """One place that defines an option: where, its prompt's condition (None: no prompt), and its dependencies."""

    place: str
    depends: list[str] = field(default_factory=list)
    has_prompt: bool = False


def reason(
    option: str, wanted: str, tree: Path, variables: Mapping[str, str], config: Mapping[str, str]
) -> str:
    """Return in a few words why an option is not as wanted; "" if Kconfig gives no reason."""
    found = [one for one in definitions(tree, variables) if one[0] == option]
    if not found:
        return "this tree has no such option"
    kept = [definition for _, definition in found]
    broken = [_broken(one.depends, config) for one in kept]
    if all(broken):
        return f"it depends on {' and '.join(broken[0])}"
    if wanted == "n":
        return "another option selects it"
    if not any(one.has_prompt for one in kept):
        return "it cannot be set, only selected by another option"
    return ""


def _broken(depends: list[str], config: Mapping[str, str]) -> list[str]:
    """Return the dependencies that do not hold, each with the part of it that is to blame."""
    return [_blame(one, config) for one in depends if value_of(one, config) == 0]


def _blame(expression: str, config: Mapping[str, str]) -> str:
    guilty = [part for part in _conjuncts(expression) if value_of(part, config) == 0]
    if guilty == [expression] and _NAME.fullmatch(expression):
        return f"{expression}, which is off"
    return f"{expression} ({', '.join(_fault(part, config) for part in guilty)})"


def _fault(part: str, config: Mapping[str, str]) -> str:
    """Say why one part of a dependency does not hold."""
    if _NAME.fullmatch(part):
        return f"{part} is off"
    if part.startswith("!") and _NAME.fullmatch(part[1:]):
        return f"{part[1:]} is {config.get(part[1:], 'n')}"
    return f"{part} is false"


def _conjuncts(expression: str) -> list[str]:
    """Return the parts that `&&` joins outside all parentheses; the whole where `||` does too."""
    parts: list[list[str]] = [[]]
    depth = 0
    for match in _TOKEN.finditer(expression):
        token = match[1]
        depth += (token == "(") - (token == ")")
        if depth == 0 and token == "||":
            return [expression]
        if depth == 0 and token == "&&":
            parts.append([])
        else:
            parts[-1].append(token)
    return [" ".join(part).replace("! ", "!") for part in parts]


def definitions(tree: Path, variables: Mapping[str, str]) -> Iterator[tuple[str, Definition]]:
    """Return every option's definitions with all the dependencies that surround them."""
    reader = _Reader(tree, variables)
    reader.read("Kconfig")
    yield from reader.found


class _Reader:
    """Walks the Kconfig files; `around` holds the conditions of the blocks that we are in."""

    def __init__(self, tree: Path, variables: Mapping[str, str]) -> None:
        self.tree, self.variables = tree, variables
        self.found: list[tuple[str, Definition]] = []
        self._around: list[list[str]] = []
        self._seen: set[str] = set()

    def read(self, name: str) -> None:
        path = self.tree / name
        if name in self._seen or not path.is_file():
            return
        self._seen.add(name)
        current: list[str] | None = None
        definition: Definition | None = None
        for text in _lines(path.read_text(errors="replace")):
            word = text.split(None, 1)[0]
            source, config = _SOURCE.match(text), _CONFIG.match(text)
            if source:
                self._source(source["path"])
            elif config:
                definition = Definition(
                    name, [condition for block in self._around for condition in block]
                )
                self.found.append((config["name"], definition))
                current = definition.depends
            elif word in ("if", "menu", "choice"):
                current = [text[2:].strip()] if word == "if" else []
                self._around.append(current)
                definition = None
            elif word in ("endif", "endmenu", "endchoice"):
                self._around[-1:] = []
                current = definition = None
            elif word == "comment":
                current = definition = None
            elif word == "depends" and current is not None:
                current.append(" ".join(text.split()[2:]))
            elif definition is not None and (word == "prompt" or _has_prompt(text)):
                definition.has_prompt = True

    def _source(self, path: str) -> None:
        for name, value in self.variables.items():
            path = path.replace(f"$({name})", value)
        self.read(path)


def _has_prompt(text: str) -> bool:
    found = _TYPE.match(text)
    return bool(found and found["prompt"])


def _lines(text: str) -> Iterator[str]:
    """Return the lines that say something, without help texts and comments, continued ones joined."""
    help_indent = -1
    for raw in re.sub(r"\\\n", " ", text).expandtabs().splitlines():
        line = raw.strip()
        indent = len(raw) - len(raw.lstrip())
        if help_indent >= 0:
            if not line or indent > help_indent:
                continue
            help_indent = -1
        if line in ("help", "---help---"):
            help_indent = indent
        elif line and not line.startswith("#"):
            yield re.sub(r"\s+#.*$", "", line)


def value_of(expression: str, config: Mapping[str, str]) -> int:
    """Evaluate a dependency: 0 is n, 1 is m, 2 is y; what cannot be read counts as y, so that it is never blamed."""
    tokens = [match[1] for match in _TOKEN.finditer(expression)]
    try:
        value, rest = _either(tokens, config)
    except (IndexError, ValueError):
        return 2
    return value if not rest else 2


def _either(tokens: list[str], config: Mapping[str, str]) -> tuple[int, list[str]]:
    value, rest = _both(tokens, config)
    while rest[:1] == ["||"]:
        other, rest = _both(rest[1:], config)
        value = max(value, other)
    return value, rest


def _both(tokens: list[str], config: Mapping[str, str]) -> tuple[int, list[str]]:
    value, rest = _single(tokens, config)
    while rest[:1] == ["&&"]:
        other, rest = _single(rest[1:], config)
        value = min(value, other)
    return value, rest


def _single(tokens: list[str], config: Mapping[str, str]) -> tuple[int, list[str]]:
    head, rest = tokens[0], tokens[1:]
    if head == "!":
        value, rest = _single(rest, config)
        return 2 - value, rest
    if head == "(":
        value, rest = _either(rest, config)
        if rest[0] != ")":
            raise ValueError(rest[0])
        return value, rest[1:]
    if rest[:1] and rest[0] in ("=", "!="):
        equal = _text(head, config) == _text(rest[1], config)
        return (2 if equal == (rest[0] == "=") else 0), rest[2:]
    if head.startswith("$(") or (rest[:1] and rest[0] in ("<", ">", "<=", ">=")):
        raise ValueError(head)  # a question to the compiler, or a version: not ours to answer
    return _ORDER.get(_text(head, config), 2), rest


def _text(token: str, config: Mapping[str, str]) -> str:
    if token.startswith('"'):
        return token.strip('"')
    if token in _ORDER or not _NAME.fullmatch(token):
        return token
    return config.get(token, "n").strip('"')
