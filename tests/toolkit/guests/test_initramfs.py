# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import io
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.guest import initramfs as module
from acceptlab.toolkit.guest.initramfs import archive_of, initramfs, with_second_kernel
from tests.toolkit.guests.test_cpio import read_cpio

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return initramfs(tmp_path_factory.mktemp("initramfs"))


def test_init_is_static_and_for_x86_64(built: Path) -> None:
    archive = built.read_bytes()
    elf = ELFFile(io.BytesIO(archive[archive.index(b"\x7fELF") :]))
    assert elf["e_machine"] == "EM_X86_64"
    assert "PT_INTERP" not in {segment["p_type"] for segment in elf.iter_segments()}


def test_the_kernel_finds_a_console_and_an_init(built: Path) -> None:
    archive = built.read_bytes()
    assert archive.index(b"dev\0") < archive.index(b"dev/console\0") < archive.index(b"init\0")


def test_built_twice_it_is_the_same(built: Path, tmp_path: Path) -> None:
    again = initramfs(tmp_path)
    assert again.name == built.name
    assert again.read_bytes() == built.read_bytes()


def test_cached_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = initramfs(tmp_path)

    def compile_again() -> bytes:
        raise AssertionError("compiled although the cache had it")

    monkeypatch.setattr(module, "_compile", compile_again)
    assert initramfs(tmp_path) == first


def test_other_source_other_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "init.c"
    source.write_text("int main(void) { return 0; }\n")
    before = module._key()
    monkeypatch.setattr(module, "_SOURCES", (source,))
    assert module._key() != before


def test_source_that_does_not_compile_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "init.c"
    source.write_text("this is not C\n")
    monkeypatch.setattr(module, "_SOURCES", (source,))
    with pytest.raises(MachineError, match="cannot build"):
        initramfs(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="gcc is missing"):
        initramfs(tmp_path)


def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="cannot write the initramfs"):
        initramfs(tmp_path / "file" / "cache")


def test_archive_holds_the_program() -> None:
    assert b"program" in archive_of(b"program")


def test_a_second_kernel_finds_the_same_initramfs() -> None:
    plain = archive_of(b"program")
    archive = with_second_kernel(plain, b"a kernel")
    assert archive[: len(plain)] == plain
    added = {one.path: one.data for one in read_cpio(archive[len(plain) :])}
    assert added == {"second": b"", "second/kernel": b"a kernel", "second/initrd": plain}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "/usr/bin/ld: cannot find -lc: No such file or directory\ncollect2: error: ld returned 1 exit status\n",
            "/usr/bin/ld: cannot find -lc: No such file or directory; install the package libc6-dev",
        ),
        (
            "init.c:3:10: fatal error: stdio.h: No such file or directory\ncompilation terminated.\n",
            "init.c:3:10: fatal error: stdio.h: No such file or directory; install the package libc6-dev",
        ),
        (
            "init.c: In function 'main':\ninit.c:7:1: error: no such thing [-Werror]\ncc1: all warnings being treated as errors\n",
            "init.c:7:1: error: no such thing [-Werror]",
        ),
        ("", "exit code 4"),
    ],
)
def test_the_message_has_the_first_error_and_blames_the_library_only_where_it_is_missing(
    text: str, line: str
) -> None:
    assert module._why(text, 4) == f"cannot build the guests' init: {line}"
