# SPDX-License-Identifier: GPL-2.0-only
"""Progress reports of exports."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (events done, events in all)."""
