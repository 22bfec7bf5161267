# SPDX-License-Identifier: GPL-2.0-only
"""Stores to Linux's table of unaccepted memory (struct efi_unaccepted_memory), broken down to header and bits.

The emulator records each store that changes the table, with what was there before (``result``) and after (``detail``), from
a ``table-watch`` event on. Traces of earlier emulators and of other recorders have neither.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.records import record
from acceptlab.analysis.run.run_info import Bitmap
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import Kind

HEADER = 24
"""Bytes before the bitmap: version, unit_size, phys_base, size (Linux, include/linux/efi.h)."""
WIDEST = 8
"""Bytes of the widest store that is one event."""

I64 = npt.NDArray[np.int64]


@record(frozen=True)
class Bits:
    """Bits of the bitmap that stores changed: the position of the store in its batch, and the bit's number."""

    position: I64
    bit: I64


@record(frozen=True)
class TableStores:
    """The stores of one batch: which bits they cleared and set, and the positions of those that changed the header."""

    cleared: Bits
    set: Bits
    header: I64


def stores_of(batch: Batch, bitmap: Bitmap) -> TableStores | None:
    """What the stores of a batch did to the table; None when there are none."""
    first, end = bitmap.table, bitmap.table + HEADER + bitmap.size
    at = batch.of(Kind.TABLE_STORE)
    gpa, size = batch["gpa"][at], np.minimum(batch["size"][at], np.uint64(WIDEST))
    inside = (gpa < np.uint64(end)) & (gpa > np.uint64(max(first - WIDEST, 0)))
    at, gpa, size = at[inside], gpa[inside].astype(np.int64), size[inside].astype(np.int64)
    if not len(at):
        return None
    before, after = (batch[name][at].astype(np.uint64) for name in ("result", "detail"))
    begin = (gpa - first - HEADER) * 8
    number = begin[:, np.newaxis] + np.arange(WIDEST * 8)
    in_header = _bits_of(before ^ after, size) & (number < 0) & (number >= -8 * HEADER)
    return TableStores(
        _numbered(_bits_of(before & ~after, size), at, begin, bitmap),
        _numbered(_bits_of(after & ~before, size), at, begin, bitmap),
        at[in_header.any(axis=1)],
    )


def _bits_of(words: npt.NDArray[np.uint64], size: I64) -> npt.NDArray[np.bool_]:
    """One row of 64 bits for each word, of which only the first ``size`` bytes count."""
    octets = np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(-1, WIDEST)
    bits = np.unpackbits(octets, axis=1, bitorder="little").astype(np.bool_)
    counted: npt.NDArray[np.bool_] = np.arange(WIDEST * 8) < size[:, np.newaxis] * 8
    return bits & counted


def _numbered(bits: npt.NDArray[np.bool_], at: I64, begin: I64, bitmap: Bitmap) -> Bits:
    store, place = np.nonzero(bits)
    number = begin[store] + place
    there = (number >= 0) & (number < bitmap.size * 8)
    return Bits(at[store[there]], number[there])
