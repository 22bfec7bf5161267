# SPDX-License-Identifier: GPL-2.0-only
"""The few AML encodings that our DSDT needs (ACPI 6.5, chapter 20 for terms, section 6.4 for resources)."""

from __future__ import annotations

import struct


def integer(value: int) -> bytes:
    """Encode an integer constant of up to 32 bits."""
    if value in (0, 1):
        return bytes([value])
    for prefix, form, limit in ((0x0A, "<B", 1 << 8), (0x0B, "<H", 1 << 16), (0x0C, "<I", 1 << 32)):
        if 0 <= value < limit:
            return bytes([prefix]) + struct.pack(form, value)
    raise ValueError(f"not an AML integer: {value}")


def string(text: str) -> bytes:
    """Encode a string constant."""
    return b"\x0d" + text.encode("ascii") + b"\0"


def eisa_id(text: str) -> bytes:
    """Encode a compressed EISA id such as PNP0501: three letters of 5 bits, then four hex digits, big endian."""
    letters = 0
    for letter in text[:3]:
        letters = letters << 5 | (ord(letter) - 0x40)
    return b"\x0c" + struct.pack(">HH", letters, int(text[3:], 16))


def _path(text: str) -> bytes:
    root, segment = (b"\\", text[1:]) if text.startswith("\\") else (b"", text)
    return root + segment.encode("ascii")


def _with_length(body: bytes) -> bytes:
    """Put a PkgLength, which counts itself, before the body."""
    if len(body) + 1 < 0x40:
        return bytes([len(body) + 1]) + body
    for extra in (1, 2, 3):
        length = len(body) + 1 + extra
        if length < 1 << (4 + 8 * extra):
            return (
                bytes([extra << 6 | length & 0xF]) + (length >> 4).to_bytes(extra, "little") + body
            )
    raise ValueError("AML package too long")


def name(segment: str, value: bytes) -> bytes:
    """Name an object."""
    return b"\x08" + _path(segment) + value


def scope(path: str, *terms: bytes) -> bytes:
    """Open a scope with these terms in it."""
    return b"\x10" + _with_length(_path(path) + b"".join(terms))


def device(segment: str, *terms: bytes) -> bytes:
    """Declare a device with these terms in it."""
    return b"\x5b\x82" + _with_length(_path(segment) + b"".join(terms))


def package(*elements: bytes) -> bytes:
    """Encode a package of constants."""
    return b"\x12" + _with_length(bytes([len(elements)]) + b"".join(elements))


def resources(*descriptors: bytes) -> bytes:
    """Encode a resource template: a buffer of descriptors and the end tag (checksum 0: not computed)."""
    body = b"".join(descriptors) + b"\x79\x00"
    return b"\x11" + _with_length(integer(len(body)) + body)


def io_ports(port: int, count: int) -> bytes:
    """Describe fixed I/O ports, decoded with 16 bits."""
    return struct.pack("<BBHHBB", 0x47, 1, port, port, 1, count)


def irq(line: int) -> bytes:
    """Describe an ISA interrupt: edge-triggered, active high, not shared."""
    return struct.pack("<BH", 0x22, 1 << line)


def memory32(base: int, size: int) -> bytes:
    """Describe a fixed, writable range of memory-mapped registers."""
    return struct.pack("<BHBII", 0x86, 9, 1, base, size)


def interrupt(number: int) -> bytes:
    """Describe a global interrupt: consumed, level-triggered, active high, not shared."""
    return struct.pack("<BHBBI", 0x89, 6, 1, 1, number)
