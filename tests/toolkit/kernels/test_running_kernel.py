# SPDX-License-Identifier: GPL-2.0-only
"""Symbols of the kernel that runs here."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.toolkit.kernels import running_kernel

TEXT = """ffffffffa3000000 T _stext
ffffffffa3000100 t accept_memory
ffffffffc0a01000 t probe\t[sev_guest]
"""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (TEXT, "accept_memory+0x10"),
        ("no such lines", None),
        ("", None),
    ],
)
def test_symbols_lie_where_kaslr_put_them(
    text: str, name: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running_kernel, "KALLSYMS", tmp_path / "kallsyms")
    (tmp_path / "kallsyms").write_text(text)
    assert running_kernel.symbols().name_of(0xFFFFFFFFA3000110) == name


def test_symbols_of_modules_are_there_and_none_without_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running_kernel, "KALLSYMS", tmp_path / "kallsyms")
    assert len(running_kernel.symbols()) == 0
    (tmp_path / "kallsyms").write_text(TEXT)
    assert running_kernel.symbols().name_of(0xFFFFFFFFC0A01000) == "probe"


def test_a_kernel_that_hides_its_addresses_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running_kernel, "KALLSYMS", tmp_path / "kallsyms")
    (tmp_path / "kallsyms").write_text("0000000000000000 T _stext\n0000000000000000 t f\n")
    assert len(running_kernel.symbols()) == 0
