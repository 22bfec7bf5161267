# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.bzimage import BzImage, parse_bzimage, read_bzimage
from tests.examples import examples

Make = Callable[..., bytes]
HERE = Path("vmlinuz")


def error_of(data: bytes) -> str:
    with pytest.raises(BadInputError) as caught:
        parse_bzimage(data, HERE)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith("vmlinuz: ")
    return text


def test_reads_what_the_header_says(bzimage: Make) -> None:
    kernel = parse_bzimage(bzimage(init_size=0x123000, pref_address=0x2000000), HERE)
    assert kernel.version == "6.12.0-made-by-hand"
    assert (kernel.init_size, kernel.pref_address) == (0x123000, 0x2000000)
    assert (kernel.alignment, kernel.relocatable, kernel.above_4g) == (0x200000, True, True)
    assert (kernel.cmdline_size, kernel.initrd_addr_max) == (2047, 0x7FFFFFFF)
    assert len(kernel.payload) == 0x8000
    assert kernel.payload[:4] == bytes([0, 7, 14, 21])


def test_header_is_copied_up_to_the_jump_target(bzimage: Make) -> None:
    kernel = parse_bzimage(bzimage(), HERE)
    assert len(kernel.header) == 0x26C - 0x1F1
    assert kernel.header[0x202 - 0x1F1 :][:4] == b"HdrS"


@pytest.mark.parametrize("knows", [True, False])
def test_tells_whether_the_kernel_knows_of_unaccepted_memory(bzimage: Make, knows: bool) -> None:
    assert parse_bzimage(bzimage(knows_unaccepted=knows), HERE).knows_unaccepted is knows


def test_a_signature_after_the_kernel_is_not_loaded(bzimage: Make) -> None:
    assert len(parse_bzimage(bzimage() + b"signature" * 99, HERE).payload) == 0x8000


def test_zero_setup_sectors_mean_four(bzimage: Make) -> None:
    data = bytearray(bzimage())
    data[0x1F1] = 0
    assert parse_bzimage(bytes(data), HERE).payload == parse_bzimage(bzimage(), HERE).payload


@pytest.mark.parametrize("data", [b"hello\n" * 500, bytes(4096), b"#!/bin/sh\n"])
def test_other_files_are_no_kernels(data: bytes) -> None:
    assert "not a kernel" in error_of(data)


def test_empty_file() -> None:
    assert "empty" in error_of(b"")


def test_vmlinux_is_named_as_such() -> None:
    assert "ELF" in error_of(b"\x7fELF" + bytes(4096))


def test_32_bit_kernel(bzimage: Make) -> None:
    assert "32-bit" in error_of(bzimage(xloadflags=0x7E))


def test_protocol_without_64_bit_entry(bzimage: Make) -> None:
    assert "2.11" in error_of(bzimage(protocol=0x20B))


@pytest.mark.parametrize("change", [{"init_size": 0}, {"pref_address": 0}, {"alignment": 0x3000}])
def test_impossible_header(bzimage: Make, change: dict[str, int]) -> None:
    assert "damaged" in error_of(bzimage(**change))


@pytest.mark.parametrize("keep", [0x200, 0x204, 0x230, 0x267])
def test_cut_within_the_header(bzimage: Make, keep: int) -> None:
    assert "truncated" in error_of(bzimage()[:keep])


def test_cut_by_a_sector(bzimage: Make) -> None:
    text = error_of(bzimage()[:-512])
    assert "truncated" in text
    assert str(512 - 15) in text


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="No such file"):
        read_bzimage(tmp_path / "none")


def test_folder_instead_of_file(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="Is a directory"):
        read_bzimage(tmp_path)


@examples(100)
@given(cut=st.integers(0, 0x8A00), at=st.integers(0, 0x270), value=st.integers(0, 255))
def test_damaged_files_end_in_one_line(bzimage: Make, cut: int, at: int, value: int) -> None:
    data = bytearray(bzimage())
    data[at] = value
    try:
        kernel = parse_bzimage(bytes(data[:cut]), HERE)
    except BadInputError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(kernel, BzImage)
        assert len(kernel.payload) == 16 * struct.unpack_from("<I", data, 0x1F4)[0]
