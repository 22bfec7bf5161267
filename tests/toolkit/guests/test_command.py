# SPDX-License-Identifier: GPL-2.0-only
"""A program of the user's in the guest: what comes into the initramfs, what it printed, and what is refused in one line."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.guest import command
from tests.toolkit.guests.test_cpio import Read, read_cpio

ARCHIVE = b""


def unpack(archive: bytes) -> dict[str, Read]:
    return {one.path: one for one in read_cpio(archive)}


def script(folder: Path, text: str = "#!/bin/sh\necho hello\n") -> Path:
    path = folder / "job"
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_program_comes_with_its_libraries_and_its_words() -> None:
    files = unpack(command.with_command(ARCHIVE, f"{sys.executable} -c 'print(1)'"))
    words = [sys.executable, "-c", "print(1)"]
    assert files["command"].data == b"".join(word.encode() + b"\0" for word in words)
    assert files[sys.executable[1:]].data == Path(sys.executable).read_bytes()
    assert any("libc.so" in name for name in files)
    assert any("ld-linux" in name for name in files)


def test_a_script_comes_with_its_interpreter(tmp_path: Path) -> None:
    files = unpack(command.with_command(ARCHIVE, str(script(tmp_path))))
    assert files["bin/sh"].data == Path("/bin/sh").read_bytes()
    assert any("libc.so" in name for name in files)


def test_folders_come_before_what_is_in_them(tmp_path: Path) -> None:
    names = list(unpack(command.with_command(ARCHIVE, str(script(tmp_path)))))
    for name in names:
        parent = name.rpartition("/")[0]
        assert not parent or names.index(parent) < names.index(name)


def test_a_relative_program_means_the_same_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert command.absolute("./job 'two words'") == shlex.join([f"{tmp_path}/job", "two words"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("./absent", "no such program"),
        ("no-such-program-anywhere", "no such program"),
        ("'open", "No closing quotation"),
    ],
)
def test_what_is_no_program_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadInputError, match=reason):
        command.with_command(ARCHIVE, text)


def test_a_file_that_is_not_executable_is_refused(tmp_path: Path) -> None:
    path = script(tmp_path)
    path.chmod(0o644)
    with pytest.raises(BadInputError, match=r"not executable; chmod \+x it"):
        command.program_of(str(path))


def test_too_many_words_are_refused() -> None:
    with pytest.raises(BadInputError, match="at most 256 words"):
        command.with_command(ARCHIVE, shlex.join([sys.executable, *["word"] * 256]))


@given(
    st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=9), max_size=9)
)
def test_what_it_printed_is_told_apart_from_the_kernel(printed: list[str]) -> None:
    lines = [
        "[    0.000001] Linux version",
        "ACCEPTLAB workload command begin amount=1",
        *(line for one in printed for line in (one, "[    1.000000] a line of the kernel's")),
        "ACCEPTLAB command exit=3",
        "ACCEPTLAB workload command end result=failed",
        "behind it",
    ]
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        console = Path(folder) / "console.log"
        console.write_text("\n".join(lines))
        assert command.output_of(console) == (printed, "exit 3")
