# SPDX-License-Identifier: GPL-2.0-only
"""Suites of Debian that kernels are sought in. Apart, as the shell's completion reads them at every key."""

from __future__ import annotations

RELEASES = ("bookworm", "trixie")
"""Releases whose kernels are looked through for a version: those that have security updates and backports."""
SUITES = (
    *(
        release + pocket
        for release in RELEASES
        for pocket in ("", "-updates", "-security", "-backports")
    ),
    "sid",
    "experimental",
)
"""Where a version is sought. By code name: mirrors may show an older state below stable than below trixie."""
