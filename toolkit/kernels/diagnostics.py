# SPDX-License-Identifier: GPL-2.0-only
"""What a compiler, linker or checker said of a kernel tree: parsed, kept per object, and told apart as new or old."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_SAID = re.compile(
    r"^(?P<file>[^\s:][^:]*?):(?:(?P<line>\d+):)?(?:(?P<column>\d+):)? (?P<kind>warning|error|fatal error): (?P<text>.*)$"
)
_LINKER = re.compile(
    r"^(?:\S*ld(?:\.bfd)?: )?(?P<file>[^\s:]+):.*?(?P<text>undefined reference to .*)$"
)
_FLAG = re.compile(r"^(?P<text>.*?)(?: \[(?P<flag>-W[^\]]+)\])?$")
_MAKE = re.compile(r"^make(?:\[\d+\])?: \*\*\* (?P<text>.*)$")
STEP = re.compile(r"^  (?P<what>[A-Z][A-Z0-9_+]*)(?: \[M\])? +(?P<target>\S+)$")
"""A line of kbuild's short output: what is done, and the target."""
_COMPILES = ("CC", "AS", "HOSTCC", "CHECK", "LD", "OBJTOOL")


@dataclass(frozen=True)
class Diagnostic:
    """One message: the file relative to the tree, the line (0: none), what it is, the flag that asked for it ("" if none)."""

    file: str
    line: int
    kind: str
    text: str
    flag: str = ""

    @property
    def is_error(self) -> bool:
        """Return whether the build ends by it."""
        return self.kind != "warning"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.kind}: {self.text}" + (f" [{self.flag}]" if self.flag else "")


def read_line(line: str, tree: str = "") -> Diagnostic | None:
    """Return what one line of output says, None when it says nothing of the kind. `tree` is cut off file names."""
    found = _SAID.match(line)
    if not found:
        linker = _LINKER.match(line)
        return (
            Diagnostic(_relative(linker["file"], tree), 0, "error", linker["text"])
            if linker
            else None
        )
    text = _FLAG.match(found["text"])
    assert text is not None
    kind = "error" if found["kind"] == "fatal error" else found["kind"]
    return Diagnostic(
        _relative(found["file"], tree),
        int(found["line"] or 0),
        kind,
        text["text"],
        text["flag"] or "",
    )


def by_target(lines: Iterable[str], tree: str) -> Iterator[tuple[str, Diagnostic]]:
    """Return (object, message) of a whole build's output, which has to come target by target (make --output-sync)."""
    current = ""
    for line in lines:
        step = STEP.match(line)
        if step:
            current = step["target"] if step["what"] in _COMPILES else current
            continue
        said = read_line(line.rstrip("\n"), tree)
        if said:
            yield current, said


def first_errors(lines: Sequence[str], tree: str, most: int = 2) -> str:
    """Return the errors that ended a build, in a line; make's own words when no tool said why."""
    errors = [
        str(said)
        for line in lines
        if (said := read_line(line.rstrip("\n"), tree)) and said.is_error
    ]
    if not errors:
        errors = [found["text"] for line in lines if (found := _MAKE.match(line))][:1]
    return " | ".join(dict.fromkeys(errors[:most])) or "make printed no error"


def new_ones(now: Sequence[Diagnostic], before: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Return the messages that were not there before; the line number does not matter, the number of occurrences does."""
    known = Counter(_key(said) for said in before)
    fresh = []
    for said in now:
        if known[_key(said)] > 0:
            known[_key(said)] -= 1
        else:
            fresh.append(said)
    return fresh


def to_json(said: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Return messages as JSON has them."""
    return [asdict(one) for one in said]


def from_json(data: Iterable[dict[str, Any]]) -> list[Diagnostic]:
    """Return messages from what `to_json` gave."""
    return [Diagnostic(**one) for one in data]


def _key(said: Diagnostic) -> tuple[str, str, str]:
    return said.file, said.text, said.flag


def _relative(file: str, tree: str) -> str:
    return re.sub(r"^(\./)+", "", file.removeprefix(tree.rstrip("/") + "/") if tree else file)
