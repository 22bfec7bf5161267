# SPDX-License-Identifier: GPL-2.0-only
"""Small kernels with a kallsyms table as scripts/kallsyms.c lays it out, packed as a bzImage."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable

import zstandard

Symbol = tuple[int, str, str]
BASE = 0xFFFFFFFF81000000
PERCPU = (0x1F000, "A", "per_cpu_end")
TEXT = (BASE, "T", "_text")


def symbols(count: int) -> list[Symbol]:
    """A per-CPU symbol, then functions 0x40 apart with names of all lengths."""
    named = [
        (BASE + 0x40 * number, "tTd"[number % 3], f"fn{number:04d}_" + "accept_" * (number % 30))
        for number in range(count)
    ]
    return [PERCPU, *named]


def _aligned(data: bytes, align: int = 8) -> bytes:
    return data + bytes(-len(data) % align)


def _tokens() -> list[bytes]:
    """Printable characters stand for themselves; a few free numbers for longer strings."""
    tokens = [bytes([number]) if 0x21 <= number < 0x7F else b"" for number in range(256)]
    tokens[0x80], tokens[0x81], tokens[0xFF] = b"accept_", b"fn0", b"per_cpu"
    return [token or b"\x01" for token in tokens]


def _compressed(name: bytes) -> bytes:
    out = bytearray()
    while name:
        for number, token in ((0x80, b"accept_"), (0x81, b"fn0"), (0xFF, b"per_cpu")):
            if name.startswith(token):
                out.append(number)
                name = name[len(token) :]
                break
        else:
            out.append(name[0])
            name = name[1:]
    length = len(out)
    head = bytes([length]) if length < 0x80 else bytes([length & 0x7F | 0x80, length >> 7])
    return head + bytes(out)


def _tables(table: list[Symbol], absolute_percpu: bool, align: int = 8) -> dict[str, bytes]:
    names, markers = bytearray(), []
    for number, (_, kind, name) in enumerate(table):
        if number % 256 == 0:
            markers.append(len(names))
        names += _compressed((kind + name).encode())
    tokens = _tokens()
    places = [sum(len(token) + 1 for token in tokens[:number]) for number in range(256)]
    offsets = [
        address
        if address < 1 << 31
        else (BASE - 1 - address if absolute_percpu else address - BASE)
        for address, _, _ in table
    ]
    parts = {
        "num": struct.pack("<I", len(table)),
        "names": bytes(names),
        "markers": struct.pack(f"<{len(markers)}I", *markers),
        "tokens": b"".join(token + b"\0" for token in tokens),
        "index": struct.pack("<256H", *places),
        "offsets": struct.pack(f"<{len(offsets)}i", *offsets),
        "base": struct.pack("<Q", BASE),
        "seqs": b"".join(number.to_bytes(3, "big") for number in range(len(table))),
    }
    return {name: _aligned(part, align) for name, part in parts.items()}


LAYOUTS = {
    "6.1": ("offsets", "base", "num", "names", "markers", "tokens", "index"),
    "6.2": ("offsets", "base", "num", "names", "markers", "seqs", "tokens", "index"),
    "6.12": ("num", "names", "markers", "tokens", "index", "offsets", "base", "seqs"),
}

PLACES = ("num", "names", "markers", "tokens", "index", "offsets", "seqs")
"""Of 7.0 on: aligned to 4 bytes, and each offset counts from its own place."""


def image(table: list[Symbol], layout: str, absolute_percpu: bool = True) -> bytes:
    """A decompressed kernel: code that looks like anything, then the tables."""
    parts = _tables(table, absolute_percpu)
    code = b"\x7fELF" + bytes(range(256)) * 64 + b"0\x001\x002\x00" * 9
    return _aligned(code) + b"".join(parts[name] for name in LAYOUTS[layout]) + bytes(4096)


def image_with_places(table: list[Symbol], shift: int = 0) -> bytes:
    """The same as 7.0 lays it out, ``shift`` bytes further on: an ELF file that is loaded from its first byte on."""
    parts = _tables(table, False, align=4)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _LOADED, 0, 1 << 20, 1 << 20, 1 << 21)
    header = struct.pack(
        "<4s5B7xHHIQQQIHHHHHH",
        *(b"\x7fELF", 2, 1, 1, 0, 0, 2, 62, 1, BASE, 64, 0, 0, 64, len(segment), 1, 64, 0, 0),
    )
    data = _aligned(header + segment + bytes(range(256)) * 64 + b"0\x001\x002\x00" * 9)
    data += bytes(shift)
    for name in PLACES:
        if name == "offsets":
            at = _LOADED + len(data)
            data += b"".join(
                struct.pack("<i", address - at - 4 * number)
                for number, (address, _, _) in enumerate(table)
            )
        else:
            data += parts[name]
    return data + bytes(4096)


_LOADED = BASE + (16 << 20)
"""Where the image with places is loaded."""

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
    "gzip": lambda data: zlib.compressobj(wbits=31).compress(data) or b"",
    "xz": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
}


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush()


PACKERS["gzip"] = _gzip


def bzimage(kernel: bytes, packer: str) -> bytes:
    """A bzImage with 3 setup sectors; kbuild appends the size to what it packs."""
    payload = PACKERS[packer](kernel)
    if packer != "gzip":
        payload += struct.pack("<I", len(kernel))
    setup = bytearray(4 * 512)
    setup[0x1F1] = 3
    setup[0x202:0x206] = b"HdrS"
    stub = b"\x90" * 100
    struct.pack_into("<II", setup, 0x248, len(stub), len(payload))
    return bytes(setup) + stub + payload + bytes(64)
