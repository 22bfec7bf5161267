# SPDX-License-Identifier: GPL-2.0-only
"""No circle of includes or uses between the C files of a folder.

A file uses another when it includes it, or when it names what only that one defines: a function (called, or by a pointer to it) or a
variable. Definitions are found by the project's style: what a function returns stands at column 0 before its name, and ``{``
follows at column 0; a variable's declaration begins at column 0. A local name that is also another file's function counts as a
use: rename it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
GLUE, MODEL, GUEST = (
    CHECKOUT / folder for folder in ("emulator/qemu", "emulator/model", "toolkit/guest")
)
FOLDERS = {"glue": [GLUE], "model": [MODEL], "emulator": [GLUE, MODEL], "init": [GUEST]}

_COMMENT_OR_STRING = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE
)
_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
_DIRECTIVE = re.compile(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_DEFINITION = re.compile(
    r"""^(?!static\b|extern\b|typedef\b|else\b|return\b)
        (?:[A-Za-z_]\w*[\s*]+)+ (?P<name>[A-Za-z_]\w*)
        (?: \([^;{}]*\)\s*\n\{ | (?:\[[^]]*\])*\s*(?:=[^;]*)?; )""",
    re.MULTILINE | re.VERBOSE,
)
_NOT_A_USE = re.compile(r"(?:->|\.)\s*[A-Za-z_]\w*|\b(?:struct|enum|union)\s+[A-Za-z_]\w*")
_NAME = re.compile(r"\b[A-Za-z_]\w*\b")

Uses = dict[str, dict[str, set[str]]]
"""For each file the files that it uses, and the names that it takes from each."""


def uses(sources: Mapping[str, str]) -> Uses:
    """Return who uses whom among C files, given as ``folder/name`` -> text."""
    code = {
        name: _DIRECTIVE.sub("", _COMMENT_OR_STRING.sub(" ", text))
        for name, text in sources.items()
        if name.endswith(".c")
    }
    defined = {name: set(definitions(text)) for name, text in code.items()}
    where = {one: name for name, names in defined.items() for one in names}
    found: Uses = {name: {} for name in sources}
    for name, text in sources.items():
        for path in _INCLUDE.findall(text):
            included = path if path in sources else f"{name.partition('/')[0]}/{path}"
            if included in sources:
                found[name].setdefault(included, set()).add("#include")
    for name, text in code.items():
        for used in set(_NAME.findall(_NOT_A_USE.sub(" ", text))) & set(where) - defined[name]:
            found[name].setdefault(where[used], set()).add(used)
    return found


def definitions(code: str) -> list[str]:
    """Return the functions and variables of a file that others can use."""
    return [one["name"] for one in _DEFINITION.finditer(code)]


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return each set of nodes that reach one another, and nodes that reach themselves."""
    reached = {node: _reached(graph, node) for node in graph}
    found = {frozenset(one for one in reached[node] if node in reached[one]) for node in graph}
    return sorted(sorted(circle) for circle in found if circle)


def _reached(graph: Mapping[str, Iterable[str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = list(graph[start])
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += graph[node]
    return seen


def read(folders: Iterable[Path]) -> dict[str, str]:
    """Return the C files of folders, each as ``folder/name``."""
    return {
        f"{path.parent.name}/{path.name}": path.read_text()
        for folder in folders
        for path in sorted(folder.glob("*.[ch]"))
    }


def described(found: Uses, circle: list[str]) -> str:
    """Return the uses that make a circle, a line each."""
    return "\n".join(
        f"{name} -> {other}: {', '.join(sorted(found[name][other]))}"
        for name in circle
        for other in sorted(set(found[name]) & set(circle))
    )


@pytest.mark.parametrize("folders", FOLDERS.values(), ids=FOLDERS)
def test_no_circle(folders: list[Path]) -> None:
    sources = read(folders)
    assert len(sources) > len(folders), f"no C files in {folders}"
    found = uses(sources)
    tied = circles(found)
    assert not tied, "\n\n".join(described(found, circle) for circle in tied)


def test_uses_are_seen() -> None:
    """Calls, pointers and includes, across folders and within one; each of these is in the code today."""
    found = uses(read([GLUE, MODEL]))
    assert "guest_event" in found["qemu/stages.c"]["qemu/events.c"]
    assert "tdx_insn" in found["qemu/tdx.c"]["qemu/tdx-tdcall.c"]
    assert "snp_pvalidate" in found["qemu/snp.c"]["model/snp_instructions.c"]
    assert "#include" in found["qemu/snp.h"]["model/snp.h"]


def test_a_variable_of_another_file_is_a_use() -> None:
    sources = {
        "a/flag.c": "bool has_probes;\n",
        "a/other.c": "static void set(void)\n{\n    has_probes = true;\n}\n",
    }
    assert uses(sources)["a/other.c"] == {"a/flag.c": {"has_probes"}}


def with_line(sources: dict[str, str], name: str, line: str) -> dict[str, str]:
    return sources | {name: f"{sources[name]}\n{line}\n"}


@pytest.mark.parametrize(
    ("name", "line", "circle"),
    [
        (
            "qemu/events.c",
            "static void f(EmulatedGuest *guest)\n{\n    snapshot_note(guest, NULL);\n}",
            ["qemu/events.c", "qemu/snapshot.c"],
        ),
        (
            "qemu/snp-model.c",
            "static void *f = snp_vmgexit;",
            ["qemu/snp-model.c", "qemu/snp-vmgexit.c", "qemu/snp-vmsa.c"],
        ),
        ("qemu/events.h", '#include "guest.h"', ["qemu/events.h", "qemu/guest.h"]),
    ],
)
def test_a_new_circle_is_seen(name: str, line: str, circle: list[str]) -> None:
    assert circles(uses(with_line(read([GLUE, MODEL]), name, line))) == [circle]


def test_names_that_are_no_uses() -> None:
    sources = {
        "a/one.c": "int say(void)\n{\n    return 0;\n}\n",
        "a/two.c": (
            "/* say */\nenum say { A };\nint hear(struct say *s)\n{\n"
            '    return s->say + strlen("say");\n}\n'
        ),
    }
    assert uses(sources) == {"a/one.c": {}, "a/two.c": {}}


def test_own_static_function_of_the_same_name_is_no_use_and_no_definition() -> None:
    assert definitions(
        "static int f(void)\n{\n}\nextern int g;\nint h(int a,\n      int b)\n{\n}\n"
    ) == ["h"]
