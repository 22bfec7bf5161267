# SPDX-License-Identifier: GPL-2.0-only
"""The symbol table that a kernel carries for itself, found in its image by structure.

Which formats there are, kernel_facts.KALLSYMS says; scripts/kallsyms.c writes the tables in these orders:

    offsets first: offsets, relative_base, num_syms, names, markers, token_table, token_index
    offsets last:  num_syms, names, markers, token_table, token_index, offsets, relative_base, seqs

6.2 and later stable 6.1 have seqs between markers and token_table. An offset without a base counts from its own place
(kernel/kallsyms.c, kallsyms_sym_address): the address of that place is what the ELF program headers of the image say.

``names`` holds, per symbol, a length (one byte, or two in ULEB128) and as many token numbers; a
token number stands for a string of ``token_table``; ``token_index`` holds the place of each token.
``markers`` holds the place of every 256th name. The first character of a name is its type.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence

import numpy as np
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel.kernel_facts import KALLSYMS, TEXT_STARTS, KallsymsFormat
from acceptlab.analysis.kernel.nm_lines import Symbol
from acceptlab.analysis.kernel.versions import in_force

_TEXT_STARTS = in_force(TEXT_STARTS)
_TEXT_ALIGN = 2 << 20
"""Bytes; arch/x86/Kconfig, PHYSICAL_ALIGN."""
_TOKENS = 256
_NAMES_PER_MARKER = 256
KERNEL_MAP = 0xFFFFFFFF80000000
"""Start of the kernel text mapping (Documentation/arch/x86/x86_64/mm.rst)."""
_NAME_LIMIT = 512
"""KSYM_NAME_LEN."""
_SYMBOL_LIMIT = 1 << 20
_DIGITS = b"".join(bytes([digit]) + b"\0" for digit in b"0123456789")
"""Digits are tokens that stand for themselves, in a row."""

_FORMATS = in_force(KALLSYMS)[::-1]
_KINDS = sorted({(one.alignment, one.has_base) for one in _FORMATS}, key=lambda kind: not kind[1])


def find_kallsyms(image: bytes) -> list[Symbol]:
    """All symbols of a decompressed kernel image; raises BadInput if there is no such table.

    Formats with a base are sought first: read as if offsets had places, some of their tables make sense by accident. The
    version is not known yet; of formats that are aligned alike, the latest is tried first.
    """
    for align, has_base in _KINDS:
        formats = [one for one in _FORMATS if (one.alignment, one.has_base) == (align, has_base)]
        for table in _token_tables(image, align):
            try:
                return _read(image, *table, formats)
            except (_NotHere, struct.error, IndexError):
                continue
    raise BadInput("the kernel has no readable symbol table (CONFIG_KALLSYMS, 6.1 or later)")


class _NotHere(Exception):  # noqa: N818  it is an answer, not an error
    """What was found has not the structure of kallsyms."""


def _read(
    image: bytes,
    tokens: list[bytes],
    table_start: int,
    index_end: int,
    formats: Sequence[KallsymsFormat],
) -> list[Symbol]:
    align, has_base = formats[0].alignment, formats[0].has_base
    for markers_start, markers in _markers(image, table_start, align, has_base):
        try:
            names_start, count = _names(image, markers_start, markers, align)
            names = list(_decode(image, names_start, count, tokens))
        except (_NotHere, struct.error, IndexError):
            continue
        for one in formats:
            addresses = _addresses(image, one, names_start, index_end, count)
            if addresses is not None and _plausible(names, addresses, has_base):
                return [
                    (address, name[:1], name[1:])
                    for address, name in zip(addresses, names, strict=True)
                ]
    raise _NotHere


def _plausible(names: list[str], addresses: list[int], has_base: bool) -> bool:
    """Whether _text and _stext lie where the kernel's text can start (CONFIG_PHYSICAL_ALIGN is at least 2 MiB).

    A format without a base has no other mark: there, one of them has to be in the table.
    """
    starts = [
        address for address, name in zip(addresses, names, strict=True) if name[1:] in _TEXT_STARTS
    ]
    if not has_base and not starts:
        return False
    return all(start >= KERNEL_MAP and start % _TEXT_ALIGN == 0 for start in starts)


def _token_tables(image: bytes, align: int) -> Iterator[tuple[list[bytes], int, int]]:
    """Candidates: the tokens, where their table starts, and where token_index ends."""
    found = image.find(_DIGITS)
    while found >= 0:
        second = _back(image, found, ord("0") - 1)
        for start in _first_token(image, second, align) if second is not None else ():
            tokens = image[start : start + 64 * _TOKENS].split(b"\0")[:_TOKENS]
            places = np.cumsum([0] + [len(token) + 1 for token in tokens])
            index = _aligned(start + int(places[-1]), align)
            wanted = places[:-1].astype("<u2").tobytes()
            if len(tokens) == _TOKENS and image[index : index + len(wanted)] == wanted:
                yield tokens, start, index + len(wanted)
        found = image.find(_DIGITS, found + 1)


def _back(image: bytes, position: int, tokens: int) -> int | None:
    """The start of the string that is ``tokens`` strings before the one at ``position``."""
    for _ in range(tokens):
        previous = image.rfind(b"\0", max(0, position - _NAME_LIMIT), position - 1)
        if previous < 0:
            return None
        position = previous + 1
    return position


def _first_token(image: bytes, second: int, align: int) -> Iterator[int]:
    """Where the first string may start: aligned, and before it there may be anything."""
    end = second - 1  # its terminating zero
    previous = image.rfind(b"\0", max(0, end - _NAME_LIMIT), end)
    yield from range(end & -align, previous, -align)


def _markers(
    image: bytes, table_start: int, align: int, has_base: bool
) -> Iterator[tuple[int, list[int]]]:
    """Candidates: where markers start, and what they hold (0 and then increasing)."""
    words = np.frombuffer(image, "<u4", table_start // 4)
    for padding in range(align // 4):
        values: list[int] = []
        for place in range(len(words) - 1 - padding, 0, -1):
            value = int(words[place])
            if values and value >= values[-1]:
                break
            values.append(value)
            if value == 0:
                if len(values) > 2 and place * 4 % align == 0:
                    yield place * 4, values[::-1]
                break
    if has_base:
        yield from _markers_before_seqs(words, table_start)


def _markers_before_seqs(
    words: np.ndarray[tuple[int], np.dtype[np.uint32]], table_start: int
) -> Iterator[tuple[int, list[int]]]:
    """The same where 3 bytes per symbol lie between markers and token table.

    Every possible number of symbols says where the markers must start; few of them fit.
    """
    count = np.arange(2 * _NAMES_PER_MARKER + 1, min(_SYMBOL_LIMIT, table_start // 8))
    markers = -(-count // _NAMES_PER_MARKER)
    start = table_start - (count * 3 + 7 & ~7) - (markers * 4 + 7 & ~7)
    inside = start >= 0
    place, markers = start[inside] // 4, markers[inside]
    fits = (words[place] == 0) & (words[place + 1] > 0) & (words[place + 2] > words[place + 1])
    fits &= words[place + markers - 1] > words[place + markers - 2]
    for at, length in sorted(set(zip(place[fits].tolist(), markers[fits].tolist(), strict=True))):
        values = words[at : at + length].astype(np.int64)
        if (np.diff(values) > 0).all():
            yield at * 4, values.tolist()


def _names(image: bytes, markers_start: int, markers: list[int], align: int) -> tuple[int, int]:
    """Where names start and how many there are.

    The count stands before the names, aligned as they are; it and every marker have to fit.
    """
    latest = (markers_start - markers[-1]) & -align
    earliest = latest - _NAMES_PER_MARKER * 2 * _NAME_LIMIT
    for start in range(latest, max(earliest, align), -align):
        (count,) = struct.unpack_from("<I", image, start - align)
        fits = -(-count // _NAMES_PER_MARKER) == len(markers)
        if fits and _skip(image, start, _NAMES_PER_MARKER) == start + markers[1]:
            return start, count
    raise _NotHere


def _length(image: bytes, position: int) -> tuple[int, int]:
    """Length of the name at ``position``, and where its tokens start."""
    length = image[position]
    if length & 0x80:
        return length & 0x7F | image[position + 1] << 7, position + 2
    return length, position + 1


def _skip(image: bytes, position: int, names: int) -> int:
    for _ in range(names):
        length, position = _length(image, position)
        position += length
    return position


def _decode(image: bytes, position: int, count: int, tokens: list[bytes]) -> Iterator[str]:
    for _ in range(count):
        length, position = _length(image, position)
        parts = [tokens[number] for number in image[position : position + length]]
        position += length
        name = b"".join(parts).decode("ascii", "replace")
        if len(name) < 2:
            raise _NotHere
        yield name


def _addresses(
    image: bytes, form: KallsymsFormat, names_start: int, index_end: int, count: int
) -> list[int] | None:
    """Addresses by one format; None where they make no sense."""
    behind = _aligned(index_end, form.alignment)
    if not form.has_base:
        return _from_places(image, behind, count)
    if not form.offsets_first:
        return _with_base(image, behind, _aligned(behind + 4 * count, form.alignment), count)
    base = names_start - 2 * form.alignment
    return _with_base(image, base - _aligned(4 * count, form.alignment), base, count)


def _with_base(image: bytes, offsets_at: int, base_at: int, count: int) -> list[int] | None:
    if offsets_at < 0 or base_at + 8 > len(image):
        return None
    (base,) = struct.unpack_from("<Q", image, base_at)
    if base < KERNEL_MAP:
        return None
    offsets = np.frombuffer(image, "<i4", count, offsets_at).astype(np.int64)
    if (offsets < 0).mean() > 0.5:
        # CONFIG_KALLSYMS_ABSOLUTE_PERCPU: what is not negative is an absolute (per-CPU) value.
        relative = offsets < 0
        distance = np.where(relative, -1 - offsets, offsets)
    else:
        relative = np.ones(count, np.bool_)
        distance = offsets & 0xFFFFFFFF
    if np.any(np.diff(distance[relative]) < 0):
        return None
    pairs = zip(relative.tolist(), distance.tolist(), strict=True)
    return [base + value if from_base else value for from_base, value in pairs]


def _from_places(image: bytes, offsets_at: int, count: int) -> list[int] | None:
    """Addresses by offsets each of which counts from its own place; None where they make no sense."""
    place = _address_of(image, offsets_at)
    if place is None or offsets_at + 4 * count > len(image):
        return None
    offsets = np.frombuffer(image, "<i4", count, offsets_at).astype(np.int64)
    distance = offsets + 4 * np.arange(count)
    if np.any(np.diff(distance) < 0):
        return None
    return [place + value for value in distance.tolist()]


def _address_of(image: bytes, position: int) -> int | None:
    """The link-time address of a byte of an ELF image, by the program headers; None where it is not loaded."""
    try:
        for segment in ELFFile(io.BytesIO(image)).iter_segments("PT_LOAD"):
            start = int(segment["p_offset"])
            if start <= position < start + int(segment["p_filesz"]):
                return int(segment["p_vaddr"]) + position - start
    except (ELFError, ValueError, KeyError):
        return None
    return None


def _aligned(position: int, align: int) -> int:
    return (position + align - 1) & -align
