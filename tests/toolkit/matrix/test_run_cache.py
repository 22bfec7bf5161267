# SPDX-License-Identifier: GPL-2.0-only
"""A run is made again when what it is made of has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.toolkit import firmware
from acceptlab.toolkit.kernels.resolve import Kernel
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.run_cache import key_of

KERNEL = Kernel("k", Path("/k"), "6.12", "0" * 64)
EMULATOR = Emulator(Path("/e"), "e", {})


def key(options: RunOptions) -> str:
    return key_of(options, KERNEL, EMULATOR, "init")


def test_the_code_that_makes_boot_handoffs_is_part_of_a_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = key(RunOptions("k"))
    assert key(RunOptions("k")) == before
    (tmp_path / "layout.py").write_text("elsewhere")
    monkeypatch.setattr(firmware, "__file__", str(tmp_path / "__init__.py"))
    changed = key(RunOptions("k"))
    (tmp_path / "efi-services.c").write_text("another program")
    assert len({before, changed, key(RunOptions("k"))}) == 3


def test_where_low_memory_ends_is_part_of_a_run() -> None:
    assert key(RunOptions("k", low_memory="2G")) != key(RunOptions("k"))
