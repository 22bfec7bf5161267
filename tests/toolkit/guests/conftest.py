# SPDX-License-Identifier: GPL-2.0-only
"""Kernels made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from acceptlab.toolkit.firmware.bzimage import BzImage, parse_bzimage
from tests.toolkit.guests.made_bzimage import make_bzimage


@pytest.fixture
def bzimage() -> Callable[..., bytes]:
    """Return the function that makes the bytes of a kernel file."""
    return make_bzimage


@pytest.fixture(scope="session")
def kernel() -> BzImage:
    """Return a kernel that knows of unaccepted memory."""
    return parse_bzimage(make_bzimage(), Path("bzImage"))


@pytest.fixture(scope="session")
def old_kernel() -> BzImage:
    """Return a kernel that knows nothing of unaccepted memory."""
    return parse_bzimage(make_bzimage(knows_unaccepted=False), Path("bzImage"))
