# SPDX-License-Identifier: GPL-2.0-only
"""What the toolkit's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.toolkit.guest.initramfs import initramfs


@pytest.fixture(scope="session")
def built_initramfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the guests' initramfs, built once for all tests."""
    return initramfs(tmp_path_factory.mktemp("initramfs"))


def cache_in(home: Path, built_initramfs: Path) -> Path:
    """Make a cache (XDG_CACHE_HOME) with nothing in it but the initramfs; return it."""
    (home / "acceptlab" / "initramfs").mkdir(parents=True)
    kept = home / "acceptlab" / "initramfs" / built_initramfs.name
    kept.write_bytes(built_initramfs.read_bytes())
    return home


@pytest.fixture
def own_cache(tmp_path: Path, built_initramfs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a cache of its own (XDG_CACHE_HOME), with nothing in it but the initramfs; return it."""
    home = cache_in(tmp_path / "cache", built_initramfs)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))
    return home
