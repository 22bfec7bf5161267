# SPDX-License-Identifier: GPL-2.0-only
"""ROWS.md and the vectors name the same rows."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from tests.model.library import HERE, VECTORS
from tests.model.rows import Rows

WITHOUT_ROWS = {"test_hotplug"}
"""Files of what the host does, of which no row says anything."""


def rows_of(file: Path) -> Rows:
    """Return the vectors of one file."""
    module = import_module(f"tests.model.vectors.{file.stem}")
    if file.stem in WITHOUT_ROWS:
        assert not hasattr(module, "row")
        return Rows()
    rows = module.row
    assert isinstance(rows, Rows)
    return rows


def test_every_vector_is_listed_once_and_every_listed_vector_exists() -> None:
    text = (HERE / "ROWS.md").read_text()
    shown, rest = text.split("## Not shown by a model", 1)
    listed = re.findall(r"`(\d\.\d+-[a-z0-9-]+)`", shown)
    vectors = [name for file in VECTORS for name in rows_of(file).vectors]
    assert sorted(listed) == sorted(vectors)
    assert set(re.findall(r"`(\d\.\d+-[a-z0-9-]+)`", rest)) <= set(vectors)
