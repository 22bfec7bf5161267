# SPDX-License-Identifier: GPL-2.0-only
"""One answer of `acceptlab doctor`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One answer. `needed_for` says what does not work without it; `remedy` is one line, empty when all is well.

    Without what `is_optional` a machine lacks nothing: few have it.
    """

    name: str
    ok: bool
    found: str
    needed_for: str
    remedy: str = ""
    is_optional: bool = False

    @property
    def is_vital(self) -> bool:
        """Return whether `acceptlab run` cannot do without it."""
        return self.needed_for == "run"
