# SPDX-License-Identifier: GPL-2.0-only
"""What holds for all tests: Ctrl-C interrupts."""

from __future__ import annotations

import signal

import hypothesis


def pytest_configure() -> None:
    """Undo what a shell does to jobs in its background: SIGINT is ignored, and every process that a test interrupts inherits that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# A loaded machine draws examples slowly; no test is about time.
hypothesis.settings.register_profile(
    "acceptlab", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("acceptlab")
