# SPDX-License-Identifier: GPL-2.0-only
"""A shell in the guest: what comes into the initramfs, and what is refused."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from acceptlab.toolkit.apt.packaged_file import PackagedFile
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.guest import shell
from tests.toolkit.guests.test_cpio import read_cpio
from tests.toolkit.in_process import Command, in_process


@pytest.fixture(autouse=True)
def no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "busybox"
    program.write_bytes(b"stands for busybox")
    monkeypatch.setattr(shell, "busybox", lambda: PackagedFile(program, "busybox-static", "1"))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return in_process(monkeypatch, capsys)


class Piped(io.TextIOWrapper):
    """Standard input that is no terminal."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))


def test_commands_of_a_pipe_are_a_file_of_the_initramfs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Piped(b"echo \xff\n"))
    wanted = shell.from_standard_input()
    assert not wanted.is_interactive
    files = {one.path: one for one in read_cpio(shell.with_shell(b"", wanted, in_root=False))}
    assert files["commands"].data == b"echo \xff\n"
    assert files["command"].data == b"/shell\0"
    assert files["bin/busybox"].data == b"stands for busybox"
    assert files["bin/busybox"].mode & 0o111
    script = files["shell"].data.decode()
    assert script.startswith("#!/bin/busybox sh\n")
    assert script.endswith("exec sh /commands </dev/null\n")


def test_shell_of_a_root_file_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Piped(b"id\n"))
    wanted = shell.from_standard_input()
    files = {one.path: one for one in read_cpio(shell.with_shell(b"", wanted, in_root=True))}
    script = files["shell"].data.decode()
    assert script.endswith("exec chroot /root /bin/sh /tmp/.commands </dev/null\n")


@pytest.mark.parametrize(
    ("data", "why"), [(b" \n", "has no commands"), (b"x" * (16 << 20) + b"y", "more than 16 MiB")]
)
def test_no_commands_and_too_many_are_refused(
    data: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Piped(data))
    with pytest.raises(BadInputError, match=why):
        shell.from_standard_input()


@pytest.mark.parametrize(
    "other", [["--exec", "true"], ["--initrd", "/dev/null"], ["--hardware"], ["--", "true"]]
)
def test_what_a_shell_cannot_be_combined_with(other: list[str], command: Command) -> None:
    code, _, error = command("run", "debian:6.12", "--shell", *other)
    assert code == 2
    assert "--shell and " in error
