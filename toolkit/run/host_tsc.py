# SPDX-License-Identifier: GPL-2.0-only
"""The rate of this host's time-stamp counter, which a guest sees as its own when instructions are not counted.

Such a guest cannot find it out by itself: hardware-reduced ACPI leaves it nothing but the PIT to calibrate against, and port I/O
is too slow in an emulator for that. Linux takes the rate from its command line (`tsc_early_khz=`).
"""

from __future__ import annotations

import ctypes
import mmap
import time

_RDTSC = bytes.fromhex("0f31 48c1e220 4809d0 c3")  # rdtsc; shl $32, %rdx; or %rdx, %rax; ret
_WINDOW = 0.05
"""Seconds between the two readings: an error of a microsecond in either is 40 millionths of the rate."""
_TRIES = 3


def host_tsc_khz() -> int:
    """Return the rate in kHz, measured against CLOCK_MONOTONIC; the median of a few tries, as one may be interrupted."""
    with mmap.mmap(
        -1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    ) as page:
        page.write(_RDTSC)
        held = ctypes.c_char.from_buffer(page)
        rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(held))
        rates = sorted(_rate(rdtsc) for _ in range(_TRIES))
        del rdtsc, held  # the page cannot be unmapped while something points into it
    return round(rates[_TRIES // 2] * 1e6)


def _rate(rdtsc: ctypes._CFunctionType) -> float:
    """Return ticks per nanosecond over one window."""
    start, ticks = time.monotonic_ns(), rdtsc()
    time.sleep(_WINDOW)
    end, later = time.monotonic_ns(), rdtsc()
    return float(later - ticks) / (end - start)
