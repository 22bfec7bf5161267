# SPDX-License-Identifier: GPL-2.0-only
"""What was read out of a kernel stays in a file of its checksum: believed when whole, made anew when damaged, and not without bound."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel import kernel_cache
from acceptlab.analysis.kernel.accept_arguments import FUNCTION
from acceptlab.analysis.kernel.kernel_arguments import parameters_in
from tests.analysis.btf_file import btf, elf
from tests.examples import examples

TEXT = "one\ntwo\n"


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "names-1.txt"
    assert kernel_cache.read(path, "names 1") is None
    for text in (TEXT, "", "\n", "without an end", "häßlich\n"):
        kernel_cache.write(path, "names 1", text)
        assert kernel_cache.read(path, "names 1") == text
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = tmp_path_factory.mktemp("cache") / "names-1.txt"
    kernel_cache.write(path, "names 1", TEXT)
    return path, path.read_bytes()


@examples(40)
@given(data=st.data())
def test_damaged_anywhere_it_is_not_believed(
    written: tuple[Path, bytes], data: st.DataObject
) -> None:
    path, whole = written
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != whole[place]))
    for damaged in (
        whole[:place],
        whole[:place] + bytes([byte]) + whole[place + 1 :],
        whole + b"x",
    ):
        path.write_bytes(damaged)
        assert kernel_cache.read(path, "names 1") is None


def test_what_another_parser_wrote_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "names-1.txt"
    kernel_cache.write(path, "names 1", TEXT)
    assert kernel_cache.read(path, "names 2") is None


def test_the_oldest_go_and_those_of_another_kind_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_cache, "MOST", 3)
    for number in range(5):
        for name in ("names", "others"):
            path = tmp_path / f"{name}-{number}.txt"
            if name == "names" or number < 3:
                kernel_cache.write(path, "names 1", TEXT)
                os.utime(path, (number, number))
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        *(f"names-{number}.txt" for number in (2, 3, 4)),
        *(f"others-{number}.txt" for number in (0, 1, 2)),
    ]


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cannot write below .*file"):
        kernel_cache.write(tmp_path / "file" / "names-1.txt", "names 1", TEXT)


@pytest.mark.parametrize(
    ("kernel", "names"),
    [
        (elf(btf(FUNCTION, ("start", "size"))), ("start", "size")),
        (elf(btf("another", ("start", "size"))), ()),
        (elf(b"no BTF"), ()),
        (b"no kernel", ()),
    ],
)
def test_a_kernel_is_read_once(kernel: bytes, names: tuple[str, ...], tmp_path: Path) -> None:
    path, cache = tmp_path / "vmlinux", tmp_path / "cache"
    path.write_bytes(kernel)
    assert parameters_in(path, FUNCTION, cache, "1") == names
    path.write_bytes(elf(btf(FUNCTION, ("start", "end"))))
    assert parameters_in(path, FUNCTION, cache, "1") == names
    assert parameters_in(path, FUNCTION, cache, "2") == ("start", "end")


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    path, cache = tmp_path / "vmlinux", tmp_path / "cache"
    path.write_bytes(elf(btf(FUNCTION, ("start", "size"))))
    assert parameters_in(path, FUNCTION, cache, "1") == ("start", "size")
    (kept,) = cache.iterdir()
    whole = kept.read_text()
    for damaged in ("", whole.replace("size", "ends"), whole[:-1]):
        kept.write_text(damaged)
        assert parameters_in(path, FUNCTION, cache, "1") == ("start", "size")
        assert kept.read_text() == whole
