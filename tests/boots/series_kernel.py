# SPDX-License-Identifier: GPL-2.0-only
"""A kernel with the tracepoints of our series, for tests that need one: building it takes too long for them to do."""

from __future__ import annotations

import pytest

from acceptlab.toolkit.errors import AcceptlabError
from acceptlab.toolkit.kernels.resolve import resolve

SERIES = ("lazy-accept", "accept-trace", "accept-trace-7.x")


def image(series: str) -> str:
    """Return the path of the kernel of that series; if it is not built the test does not run, and says how to build it."""
    try:
        return str(resolve(series).image)
    except AcceptlabError:
        pytest.skip(f"the kernel is not built: acceptlab series build {series}")
