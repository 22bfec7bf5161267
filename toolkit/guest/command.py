# SPDX-License-Identifier: GPL-2.0-only
"""A program of the user's in the guest: put into the initramfs with the libraries that it loads, and run by init (init-command.c)."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.guest.cpio import directory, executable, regular, write_cpio
from acceptlab.toolkit.guest.programs import libraries_of

WORKLOAD = "acceptlab.workload=command"
"""The word of the kernel's command line that makes init run it, after the other workloads."""
_WORDS = "command"
_MOST_WORDS, _MOST_BYTES = 256, 65535
"""Bounds of init-command.c."""
_MOST_SIZE = 256 << 20
_INTERPRETER = re.compile(rb"#!\s*(/\S+)")
_EXIT = re.compile(r"ACCEPTLAB command (?P<how>exit|signal)=(?P<number>\d+)")
_KERNEL_LINE = re.compile(r"\[ *\d+\.\d+\]")


def absolute(text: str) -> str:
    """Return the command with the path of its program made absolute, so that it means the same from any folder.

    Raises BadInputError for words that no shell would take, or a program that is not there.
    """
    words = _words(text)
    return shlex.join([str(_program(words[0])), *words[1:]]) if words else ""


def program_of(text: str) -> Path:
    """Return the file of the command's program. Raises BadInputError as `absolute` does."""
    return _program(_words(text)[0])


def with_command(archive: bytes, text: str) -> bytes:
    """Return an initramfs to which the command's program, its libraries and its words are added.

    Raises BadInputError for a program that cannot be read, or too many words.
    """
    words = _words(text)
    program = _program(words[0])
    files = {path: _content(path) for path in dict.fromkeys([program, *_loaded(program)])}
    listed = _listed([str(program), *words[1:]])
    folders = sorted({str(one)[1:] for path in files for one in list(path.parents)[:-1]})
    entries = [directory(one) for one in folders]
    entries += [executable(str(path)[1:], content) for path, content in files.items()]
    return archive + write_cpio([*entries, regular(_WORDS, listed)])


def with_words(archive: bytes, text: str) -> bytes:
    """Return an initramfs with the words of a command of the guest's root file system. Raises BadInputError for too many."""
    return archive + write_cpio([regular(_WORDS, _listed(_words(text)))])


def _listed(words: Sequence[str]) -> bytes:
    listed = words_file(words)
    if len(words) > _MOST_WORDS or len(listed) > _MOST_BYTES:
        raise BadInputError(f"--exec: at most {_MOST_WORDS} words of {_MOST_BYTES} bytes in all")
    return listed


def words_file(words: Sequence[str]) -> bytes:
    """Return the file of the initramfs in which init finds a command's words (init-command.c)."""
    return b"".join(os.fsencode(word) + b"\0" for word in words)


def output_of(console: Path) -> tuple[list[str], str]:
    """Return the lines that the command printed, without the kernel's own, and its end: `exit 3`, `signal 11`, or "" without one."""
    lines: list[str] = []
    inside, end = False, ""
    for line in console.read_text(errors="replace").splitlines():
        if line.startswith("ACCEPTLAB workload command begin"):
            inside, lines = True, []
        elif found := _EXIT.match(line):
            inside, end = False, f"{found['how']} {found['number']}"
        elif inside and not _KERNEL_LINE.match(line):
            lines.append(line)
    return lines, end


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise BadInputError(f"--exec {text}: {error}") from None


def _program(name: str) -> Path:
    found = name if "/" in name else shutil.which(name)
    if found is None or not Path(found).is_file():
        raise BadInputError(f"--exec {name}: no such program")
    if not os.access(found, os.X_OK):
        raise BadInputError(f"--exec {name}: not executable; chmod +x it")
    return Path(os.path.normpath(Path(found).absolute()))


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_SIZE:
            raise BadInputError(f"--exec: {path} is larger than {_MOST_SIZE >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"--exec: {path}: {error.strerror}") from error


def _loaded(program: Path) -> Iterator[Path]:
    """Yield what a program needs to start: a script's interpreter, and libraries."""
    with program.open("rb") as file:
        script = _INTERPRETER.match(file.read(256))
    if script:
        interpreter = Path(os.fsdecode(script[1]))
        yield interpreter
        program = interpreter
    yield from libraries_of(program)
