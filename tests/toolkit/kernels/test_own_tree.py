# SPDX-License-Identifier: GPL-2.0-only
"""With which configuration a user's tree is built when none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.toolkit.kernels.kernel_config import Configuration
from acceptlab.toolkit.kernels.own_tree import GUEST_CONFIG, UNACCEPTED_CONFIG, default_fragments

OPTION = "config UNACCEPTED_MEMORY\n\tbool\n"


@pytest.mark.parametrize("place", ["mm/Kconfig", "drivers/firmware/efi/Kconfig"])
def test_a_tree_that_knows_unaccepted_memory_gets_it(place: str, tmp_path: Path) -> None:
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text(f"config EFI\n\tbool\n\n{OPTION}")
    assert default_fragments(tmp_path) == (GUEST_CONFIG, UNACCEPTED_CONFIG)
    wanted = Configuration("tinyconfig", default_fragments(tmp_path)).wanted()
    assert wanted["UNACCEPTED_MEMORY"] == "y"


@pytest.mark.parametrize("text", ["", "config UNACCEPTED_MEMORY_TEST\n", "# UNACCEPTED_MEMORY\n"])
def test_a_tree_that_does_not_is_not_asked_for_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "mm").mkdir()
    (tmp_path / "mm" / "Kconfig").write_text(text)
    assert default_fragments(tmp_path) == (GUEST_CONFIG,)
    assert "UNACCEPTED_MEMORY" not in Configuration("tinyconfig", (GUEST_CONFIG,)).wanted()
