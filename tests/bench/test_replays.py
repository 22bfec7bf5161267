# SPDX-License-Identifier: GPL-2.0-only
"""The trace that is replayed is recorded once, whatever became of an earlier try."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import replays


def test_what_a_killed_bench_left_is_recorded_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "cache", lambda: tmp_path)
    left = tmp_path / "bench" / "64g-eager-4k-key-012345678901"
    left.mkdir(parents=True)
    (left / ".running").touch()
    (left / "events.raw").write_bytes(b"half")

    def perform(_options: Any, _kernel: Any, _emulator: Any, folder: Path, **_: Any) -> Any:
        assert not folder.exists()
        folder.mkdir()
        (folder / "run.json").write_text("{}")
        return SimpleNamespace(outcome=SimpleNamespace(word="userspace"))

    monkeypatch.setattr(replays, "perform", perform)
    kernel: Any = SimpleNamespace(name="toy", sha256="0123456789012345")
    emulator: Any = SimpleNamespace(key="key")
    assert replays.big_trace(kernel, emulator) == left
    monkeypatch.setattr(replays, "perform", None)
    assert replays.big_trace(kernel, emulator) == left
