# SPDX-License-Identifier: GPL-2.0-only
"""Every command in docs/ is one that the command line takes, and those that cost little are run as they stand there.

A block is run when no command of it boots, builds or fetches, and none uses what such a command makes. The whole tutorial
is run, in order, by one of the long tests; `tests/toolkit/test_docs.py` runs the blocks of the pages that it names.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from acceptlab.toolkit.cli.whole_app import app
from acceptlab.toolkit.places import CHECKOUT
from tests.docs.pages import DOCS, anchor, blocks, exists, links, pages, text_of

HEAVY = (
    "run", "setup", "demo", "explore", "campaign", "debug", "collect", "kernel build", "kernel fetch", "matrix", "series apply",
    "series build", "series check", "series b4-check", "series bench", "series demo", "series export", "bisect",
)  # fmt: skip
"""Commands that boot, build or fetch."""
CHEAP_FORMS = {"matrix": "--plan", "run": "--dry-run", "collect": "--boot"}
"""Forms of them that do not."""
RUN_ELSEWHERE = {
    "schedules.md",
    "campaign.md",
    "conformance.md",
    "debug.md",
    "hotplug.md",
    "root.md",
    "importing.md",
    "collecting.md",
    "latency.md",
    "hardware.md",
    "trace-text.md",
}
"""Pages whose blocks tests/toolkit/test_docs.py and others run; here their options are parsed."""
CALLED = ("./acceptlab", "../acceptlab")
"""How pages call it: from the checkout, and from a kernel tree beside it."""
ENDS = {"||", "&&", "|", ";", ">", "<", ")"}
REDIRECTION = re.compile(r"<<'EOF'\n.*?^EOF$", re.DOTALL | re.MULTILINE)


def invocations(block: str) -> Iterator[list[str]]:
    """The words of every call of acceptlab in a block of shell commands, without redirections and what follows them."""
    for line in REDIRECTION.sub("", block).replace("\\\n", " ").splitlines():
        # What a call inside "$(...)" prints is a word of the call around it.
        inner = re.findall(r"\"?\$\((\./acceptlab [^)]*)\)\"?", line)
        for text in [re.sub(r"\"?\$\(\./acceptlab [^)]*\)\"?", "WORD", line), *inner]:
            lexer = shlex.shlex(text, posix=True, punctuation_chars="|&;<>()")
            lexer.whitespace_split = True
            found = list(lexer)
            while calls := [at for at, word in enumerate(found) if word in CALLED]:
                found = found[calls[0] + 1 :]
                ends = [at for at, word in enumerate(found) if word in ENDS]
                yield found[: min(ends, default=len(found))]


@cache
def program() -> Any:
    """The whole command line, as the program itself parses it."""
    return typer.main.get_command(app)


def name_of(words: list[str]) -> str:
    """The command's name, ``series check`` for one of a group."""
    command = program()
    names = []
    for word in words:
        if word not in getattr(command, "commands", ()):
            break
        command = command.commands[word]
        names.append(word)
    return " ".join(names)


def parse(words: list[str]) -> None:
    """Parse a command as the program does, and run nothing; an unknown command or option raises."""
    command = program()
    rest = list(words)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    if "--" in rest and name_of(words) == "collect":
        parse(["run", *rest[rest.index("--") + 1 :]])
    command.make_context(words[0], rest)


def is_heavy(words: list[str]) -> bool:
    """Whether a command boots, builds or fetches something."""
    name = name_of(words)
    return name in HEAVY and CHEAP_FORMS.get(name, "--no-such") not in words


def outputs(words: list[str]) -> set[str]:
    """What a command makes, as later commands name it."""
    return {after for word, after in zip(words, [*words[1:], ""], strict=True) if word == "--out"}


def cheap_blocks(page: str) -> list[str]:
    """The blocks of a page that are run here."""
    made: set[str] = set()
    chosen = []
    for block in blocks(text_of(page)):
        calls = list(invocations(block))
        heavy = [words for words in calls if is_heavy(words)]
        made |= {name for words in heavy for name in outputs(words)}
        depends = any(re.search(rf"(?<![\w/-]){re.escape(name)}(?![\w-])", block) for name in made)
        if calls and not heavy and not depends:
            chosen.append(block)
    return chosen


def prepare(folder: Path) -> None:
    """Make a folder look like the checkout, so that a page's relative names are there."""
    for name in ("acceptlab", "data", "patches", "traces"):
        (folder / name).symlink_to(CHECKOUT / name)
    shutil.copy(CHECKOUT / "Makefile", folder)


def run(block: str, folder: Path) -> str:
    """What a block prints; every command of it has to succeed. b4 is the one of our environment."""
    path = f"{os.environ['PATH']}:{Path(sys.executable).parent}"
    done = subprocess.run(
        ["bash", "-ec", block], cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout


CALLS = [
    pytest.param(words, id=f"{page}: {' '.join(words)}"[:80])
    for page in pages()
    for block in blocks(text_of(page))
    for words in invocations(block)
]


@pytest.mark.parametrize("words", CALLS)
def test_the_command_line_takes_it(words: list[str]) -> None:
    parse(words)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("repaly traces/a", "repaly"),
        ("replay --pages 0x1 traces/a", "No such option"),
        ("series chekc accept-trace", "chekc"),
        ("collect --out a -- k --platfrom tdx", "No such option"),
        ("run k --memory", "requires an argument"),
    ],
)
def test_a_command_or_option_that_is_not_there_is_found(line: str, error: str) -> None:
    with pytest.raises(Exception, match=error):
        parse(line.split())


def test_what_is_taken_for_a_call() -> None:
    block = "./acceptlab replay a || test $? = 1\n./acceptlab run k \\\n  --append \"$(./acceptlab collect --boot cmdline)\" | true\ncat <<'EOF'\n./acceptlab no\nEOF\n"
    assert list(invocations(block)) == [
        ["replay", "a"],
        ["run", "k", "--append", "WORD"],
        ["collect", "--boot", "cmdline"],
    ]


@pytest.mark.processes
@pytest.mark.parametrize("page", [page for page in pages() if page not in RUN_ELSEWHERE])
def test_what_costs_little_is_run(page: str, tmp_path: Path) -> None:
    """What a page shows of their output (a block of ``text``) is in it."""
    prepare(tmp_path)
    said = "".join(run(block, tmp_path) for block in cheap_blocks(page))
    for lines in re.findall(r"^```text\n(.*?)^```$", text_of(page), re.MULTILINE | re.DOTALL):
        for line in lines.splitlines():
            assert line in said


def test_which_blocks_are_run() -> None:
    counts = {page: len(cheap_blocks(page)) for page in ("tutorial.md", "series.md")}
    assert counts == {"tutorial.md": 4, "series.md": 1}
    assert not any("first-run" in block for block in cheap_blocks("tutorial.md"))


@pytest.mark.boots
@pytest.mark.emulator
@pytest.mark.long
def test_the_whole_tutorial_works(tmp_path: Path) -> None:
    """On branches of other names: they are in the repository of the cache, where somebody may have those of the page."""
    prepare(tmp_path)
    try:
        for block in blocks(text_of("tutorial.md")):
            run(re.sub(r"\bmy-(series|base)\b", r"tested-\1", block), tmp_path)
    finally:
        for branch in ("tested-base", "b4/tested-series"):
            subprocess.run(
                ["git", "-C", tmp_path / "linux", "checkout", "-q", "--detach"], check=False
            )
            subprocess.run(["git", "-C", tmp_path / "linux", "branch", "-D", branch], check=False)
    assert (tmp_path / "mails" / "0000-cover-letter.patch").is_file()
    assert (tmp_path / "my-bench" / "bench.json").is_file()


@pytest.mark.boots
@pytest.mark.emulator
@pytest.mark.long
def test_the_matrix_page_works(tmp_path: Path) -> None:
    prepare(tmp_path)
    for block in blocks(text_of("matrix.md")):
        run(block, tmp_path)
    assert (tmp_path / "two-handoffs" / "matrix.html").is_file()


@pytest.mark.parametrize("page", pages())
def test_the_links_lead_somewhere(page: str) -> None:
    wrong = [
        target
        for target in links(text_of(page))
        if "://" not in target and not exists(DOCS / page, target)
    ]
    assert wrong == []


def test_an_anchor_is_what_a_forge_makes_of_a_heading() -> None:
    assert anchor("The JSON forms of commands") == "the-json-forms-of-commands"
    assert not exists(DOCS / "tutorial.md", "run-folder.md#no-such-heading")
    assert exists(DOCS / "tutorial.md", "run-folder.md#exit-codes")
