# SPDX-License-Identifier: GPL-2.0-only
"""Child processes that do not outlive us, even when we are killed without a chance to stop them."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies; for `preexec_fn`."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_with_parent() -> None:
    """Have the kernel ask this process to end (SIGTERM) when its parent dies; for one that has children to stop itself."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
