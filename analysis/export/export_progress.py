# SPDX-License-Identifier: GPL-2.0-only
"""How exports tell how far they are."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (events done, events in all)."""
