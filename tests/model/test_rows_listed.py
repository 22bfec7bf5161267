# SPDX-License-Identifier: GPL-2.0-only
"""ROWS.md and the vectors name the same rows."""

from __future__ import annotations

import re

from tests.model import test_rows_ghcb, test_rows_snp, test_rows_tdx
from tests.model.library import HERE

MODULES = (test_rows_snp, test_rows_ghcb, test_rows_tdx)


def test_every_vector_is_listed_once_and_every_listed_vector_exists() -> None:
    text = (HERE / "ROWS.md").read_text()
    shown, rest = text.split("## Not shown by a model", 1)
    listed = re.findall(r"`(\d\.\d+-[a-z0-9-]+)`", shown)
    vectors = [name for module in MODULES for name in module.row.vectors]
    assert sorted(listed) == sorted(vectors)
    assert set(re.findall(r"`(\d\.\d+-[a-z0-9-]+)`", rest)) <= set(vectors)
