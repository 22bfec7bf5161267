# SPDX-License-Identifier: GPL-2.0-only
"""A shell in the guest: Debian's static busybox, on the user's terminal, or with commands from a file or a pipe."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass

from acceptlab.toolkit.apt.packaged_file import PackagedFile, Wanted, packaged_file
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.guest.command import words_file
from acceptlab.toolkit.guest.cpio import directory, executable, regular, write_cpio
from acceptlab.toolkit.places import cache

_SUITE = "trixie"
_BUSYBOX, _START, _COMMANDS = "bin/busybox", "shell", "commands"
_MOST_COMMANDS = 16 << 20
"""Bytes; they are part of the initramfs."""
_ON_TERMINAL = """\
busybox stty rows {rows} cols {columns}
echo "A shell in the guest. End it by exit, or the emulator by Ctrl-A X."
setsid cttyhack {shell} -l
exit 0
"""
"""/dev/console cannot be a controlling terminal: cttyhack opens the device behind it. A command that failed on a person's terminal is
no failed workload."""
_FROM_FILE = "exec sh /commands </dev/null\n"
_FROM_FILE_IN_ROOT = """\
cp /commands /root/tmp/.commands
exec chroot /root /bin/sh /tmp/.commands </dev/null
"""
_IN_ROOT = "chroot /root /bin/sh"
"""A shell of the root file system, which init mounted at /root (init-root.c)."""
_SCRIPT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp TERM={term} PS1='guest # '
cd /tmp
"""


@dataclass(frozen=True)
class Shell:
    """A shell that is to run in the guest. `commands` is None for one on the user's terminal."""

    commands: bytes | None

    @property
    def is_interactive(self) -> bool:
        """Return whether a person types the commands."""
        return self.commands is None

    @property
    def why_not_repeatable(self) -> str:
        """Return what run.json says of it."""
        return f"its commands came from {'a terminal' if self.is_interactive else 'standard input'}"


def from_standard_input() -> Shell:
    """Return a shell on the terminal that standard input is, or with all that can be read from it.

    Raises BadInputError for too many commands, and for none: an empty file is a mistake.
    """
    if sys.stdin.isatty():
        return Shell(None)
    commands = sys.stdin.buffer.read(_MOST_COMMANDS + 1)
    if len(commands) > _MOST_COMMANDS:
        raise BadInputError(f"--shell: more than {_MOST_COMMANDS >> 20} MiB of commands")
    if not commands.strip():
        raise BadInputError(
            "--shell: standard input is no terminal and has no commands; write some into it"
        )
    return Shell(commands)


def busybox() -> PackagedFile:
    """Return Debian's static busybox, fetched if need be. Raises MachineError when apt cannot get it."""
    wanted = Wanted("busybox for the guest's shell", ("busybox-static",), "busybox", _SUITE)
    return packaged_file(wanted, cache() / "busybox", "busybox")


def with_shell(archive: bytes, shell: Shell, in_root: bool) -> bytes:
    """Return an initramfs to which busybox, and what starts its shell, are added; init runs it as a program (init-command.c).

    `in_root`: the shell is that of the root file system.
    """
    entries = [
        directory("bin"),
        executable(_BUSYBOX, busybox().path.read_bytes()),
        executable(_START, _script(shell, in_root).encode()),
        regular("command", words_file([f"/{_START}"])),
    ]
    if shell.commands is not None:
        entries.append(regular(_COMMANDS, shell.commands))
    return archive + write_cpio(entries)


def _script(shell: Shell, in_root: bool) -> str:
    if not shell.is_interactive:
        start = _FROM_FILE_IN_ROOT if in_root else _FROM_FILE
        return _SCRIPT.format(term="dumb") + start
    size = os.get_terminal_size(sys.stdin.fileno())
    start = _SCRIPT.format(term=shlex.quote(os.environ.get("TERM", "vt100")))
    return start + _ON_TERMINAL.format(
        rows=size.lines or 24, columns=size.columns or 80, shell=_IN_ROOT if in_root else "sh"
    )
