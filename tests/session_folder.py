# SPDX-License-Identifier: GPL-2.0-only
"""What the workers of one pytest session share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def session_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a folder that is the same for all workers of pytest-xdist, made if need be."""
    own = factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    folder.mkdir(exist_ok=True)
    return folder
