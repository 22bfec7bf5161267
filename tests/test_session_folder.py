# SPDX-License-Identifier: GPL-2.0-only
"""Workers of one session share a folder; another session has its own."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from tests.session_folder import session_folder


class Factory:
    """Stands in for pytest's: only its base folder counts."""

    def __init__(self, base: Path) -> None:
        self.base = base
        base.mkdir(parents=True)

    def getbasetemp(self) -> Path:
        return self.base


def folder_of(base: Path) -> Path:
    return session_folder(cast(pytest.TempPathFactory, Factory(base)), "name")


def test_workers_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    first, second = (folder_of(tmp_path / "pytest-1" / name) for name in ("gw0", "gw1"))
    assert first == second and first.is_dir()
    assert folder_of(tmp_path / "pytest-2" / "gw0") != first


def test_without_workers_a_session_has_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    first, second = (folder_of(tmp_path / name) for name in ("pytest-1", "pytest-2"))
    assert first != second
