# SPDX-License-Identifier: GPL-2.0-only
"""A kernel with the tracepoints of our series, for tests that need one: building it takes too long for them to do."""

from __future__ import annotations

import pytest

from toolkit.errors import AcceptlabError
from toolkit.kernels.resolve import resolve

SERIES = ("lazy-accept", "accept-trace")


def image() -> str:
    """Return the path of the first such kernel that is built; without one the test does not run, and says how to build it."""
    for name in SERIES:
        try:
            return str(resolve(name).image)
        except AcceptlabError:
            continue
    pytest.skip(f"no kernel of ours is built: acceptlab series build {SERIES[0]}")
