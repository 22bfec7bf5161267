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


def method(segment: str, arguments: int, *terms: bytes, serialized: bool = False) -> bytes:
    """Declare a method of so many arguments."""
    flags = bytes([arguments | (8 if serialized else 0)])
    return b"\x14" + _with_length(_path(segment) + flags + b"".join(terms))


def region(segment: str, address: int, size: int) -> bytes:
    """Declare an operation region in system memory."""
    return b"\x5b\x80" + _path(segment) + b"\0" + integer(address) + integer(size)


def words(region_segment: str, *segments: str) -> bytes:
    """Name the 32-bit words of an operation region, from its start on."""
    # FieldFlags: DWordAcc, NoLock, Preserve
    parts = [_path(one) + _WORD_BITS for one in segments]
    return b"\x5b\x81" + _with_length(_path(region_segment) + b"\x03" + b"".join(parts))


WINDOW_IO, WINDOW_BUS = 1, 2
"""Resource types of address space descriptors (ACPI 6.5, table 6.56)."""
_WORD_BITS = b"\x20"
"""A field element's PkgLength: 32 bits."""
LOCAL0 = b"\x60"


def store(value: bytes, target: bytes) -> bytes:
    """Assign a value."""
    return b"\x70" + value + target


def when(predicate: bytes, *terms: bytes) -> bytes:
    """Evaluate the terms if the predicate is not 0."""
    return b"\xa0" + _with_length(predicate + b"".join(terms))


def equal(one: bytes, other: bytes) -> bytes:
    """Compare two integers."""
    return b"\x93" + one + other


def both(one: bytes, other: bytes) -> bytes:
    """Return the bitwise AND of two integers."""
    return b"\x7b" + one + other + b"\0"


def notify(segment: str, value: int) -> bytes:
    """Notify the operating system of a value for a device."""
    return b"\x86" + _path(segment) + integer(value)


def result(value: bytes) -> bytes:
    """Return from a method."""
    return b"\xa4" + value


def reference(segment: str) -> bytes:
    """Name an object in an expression."""
    return _path(segment)


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


def window16(kind: int, start: int, end: int) -> bytes:
    """Describe a range that a bus produces: I/O ports (WINDOW_IO) or bus numbers (WINDOW_BUS), up to ``end`` inclusive."""
    length = end - start + 1
    specific = 3 if kind == WINDOW_IO else 0  # the whole range, ISA and not
    return struct.pack("<BHBBBHHHHH", 0x88, 13, kind, 0x0C, specific, 0, start, end, 0, length)


def window32(start: int, end: int) -> bytes:
    """Describe memory that a bus produces: not cacheable, writable, up to ``end`` inclusive."""
    return struct.pack(
        "<BHBBBIIIII", 0x87, 23, 0, 0x0C, 1, 0, start, end, 0, end - start + 1
    )  # fmt: skip


def memory64(start: int, size: int) -> bytes:
    """Describe a range of memory: produced by nobody, fixed, cacheable, writable."""
    return struct.pack("<BHBBBQQQQQ", 0x8A, 43, 0, 0x0C, 0x03, 0, start, start + size - 1, 0, size)


def interrupt(number: int, edge: bool = False) -> bytes:
    """Describe a global interrupt: consumed, level- or edge-triggered, active high, not shared."""
    return struct.pack("<BHBBI", 0x89, 6, 3 if edge else 1, 1, number)
