# SPDX-License-Identifier: GPL-2.0-only
"""Where things lie: the checkout that this code runs from, and the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
"""The folder that has toolkit/, emulator/, data/ and patches/: a checkout, or the installed package `acceptlab`."""
IMPORTS = CHECKOUT / "setup" / "import"
"""What PYTHONPATH has to name in a checkout: a folder whose `acceptlab` is a link to the checkout."""


def cache() -> Path:
    """Return acceptlab's folder in the user's cache (XDG base directory specification), which need not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says that a relative path there is to be ignored.
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "acceptlab"
