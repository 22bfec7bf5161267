# SPDX-License-Identifier: GPL-2.0-only
"""What holds for all tests: Ctrl-C interrupts."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Undo what a shell does to jobs in its background: SIGINT is ignored, and every process that a test interrupts inherits that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
