# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import stat
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.guest.cpio import Entry, character_device, directory, executable, write_cpio


class Read(NamedTuple):
    path: str
    mode: int
    links: int
    device: tuple[int, int]
    data: bytes


def read_cpio(archive: bytes) -> list[Read]:
    """Read newc as the kernel does: 6 bytes of magic, 13 numbers of 8 hex digits, name and data padded to 4."""
    found, at = [], 0
    while True:
        assert archive[at : at + 6] == b"070701"
        numbers = [int(archive[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        name_end = at + 110 + numbers[11]
        assert archive[name_end - 1] == 0
        path = archive[at + 110 : name_end - 1].decode()
        data_at = name_end + -name_end % 4
        data = archive[data_at : data_at + numbers[6]]
        at = data_at + numbers[6] + -numbers[6] % 4
        if path == "TRAILER!!!":
            assert at == len(archive)
            return found
        assert numbers[5] == 0, "a time would make the archive differ from day to day"
        found.append(Read(path, numbers[1], numbers[4], (numbers[9], numbers[10]), data))


FILES = st.lists(
    st.tuples(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.binary(max_size=40)), max_size=6
)


@given(FILES)
def test_files_come_back(files: list[tuple[str, bytes]]) -> None:
    entries = [executable(name, data) for name, data in files]
    assert [(item.path, item.data) for item in read_cpio(write_cpio(entries))] == files


def test_kinds() -> None:
    entries = [directory("dev"), character_device("dev/console", 5, 1), executable("init", b"x")]
    assert read_cpio(write_cpio(entries)) == [
        Read("dev", stat.S_IFDIR | 0o755, 2, (0, 0), b""),
        Read("dev/console", stat.S_IFCHR | 0o600, 1, (5, 1), b""),
        Read("init", stat.S_IFREG | 0o755, 1, (0, 0), b"x"),
    ]


def test_same_entries_same_bytes() -> None:
    entries = [Entry("a", stat.S_IFREG | 0o644, b"1")]
    assert write_cpio(entries) == write_cpio(list(entries))
