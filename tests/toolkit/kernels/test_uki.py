# SPDX-License-Identifier: GPL-2.0-only
"""Unified kernel images: the kernel is taken out of the section .linux."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.resolve import resolve
from tests.toolkit import toy


def uki(sections: dict[bytes, bytes], optional: int = 240, cut: int = 0) -> bytes:
    """Return a PE32+ file with these sections, as ukify lays one out."""
    head = bytearray(b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80))
    head = bytearray(head.ljust(0x80, b"\0"))
    head += struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, len(sections), 0, 0, 0, optional, 0x22E)
    head += bytes(optional)
    offset, body = 0x600, b""
    for name, data in sections.items():
        padded = data.ljust(-(-len(data) // 512) * 512, b"\0")
        place = (len(data), 0x1000, len(padded), offset + len(body))
        head += struct.pack("<8sIIII16x", name, *place)
        body += padded
    whole = bytes(head).ljust(offset, b"\0") + body
    return whole[: len(whole) - cut]


def other() -> dict[bytes, bytes]:
    return {b".osrel": b"ID=debian\n", b".cmdline": b"quiet\0"}


@pytest.fixture
def path(own_cache: Path, tmp_path: Path) -> Path:
    return tmp_path / "linux.efi"


def test_its_kernel_is_run(path: Path) -> None:
    image = toy.make_bzimage(version=b"7.3.4-in-a-uki (t@t)")
    path.write_bytes(uki({**other(), b".linux": image, b".initrd": b"0707"}))
    for _ in range(2):  # the second time from the cache
        found = resolve(str(path))
        assert found.version == "7.3.4-in-a-uki"
        assert found.image.read_bytes() == image
    path.write_bytes(uki({b".linux": toy.make_bzimage(version=b"7.4.0 (t@t)")}))
    assert resolve(str(path)).version == "7.4.0", "another file of the same name"


def test_a_bzimage_is_a_pe_file_too_and_taken_as_it_is(path: Path) -> None:
    image = bytearray(toy.make_bzimage(version=b"6.12.1 (t@t)"))
    image[:2] = b"MZ"
    path.write_bytes(image)
    assert resolve(str(path)).image == path


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (uki(other()), "no Linux boot header"),
        (uki({b".linux": b"not a kernel" * 400}), "no Linux boot header"),
        (uki({b".linux": bytes(4096)}, cut=1024), "cut short"),
        (b"MZ" + bytes(40), "no Linux boot header"),
        (b"MZ".ljust(0x3C, b"\0") + b"\xff\xff\xff\x7f" + bytes(600), "no Linux boot header"),
    ],
    ids=["no kernel", "no bzImage", "cut", "short", "headers elsewhere"],
)
def test_what_has_no_kernel_is_refused_in_one_line(path: Path, data: bytes, said: str) -> None:
    path.write_bytes(data)
    with pytest.raises(BadInputError, match=said) as found:
        resolve(str(path))
    assert "\n" not in str(found.value)
