# SPDX-License-Identifier: GPL-2.0-only
"""A guest is neither saved nor loaded by QEMU: its page states would stay behind."""

from __future__ import annotations

from pathlib import Path

from tests.emulator.bare_run import Setup, boot
from tests.emulator.test_repeatable import boot_disturbed, commands

NOT_SAVED = "State blocked by non-migratable device"


def test_a_guest_is_not_saved(emulator: Path, tmp_path: Path, platform: str) -> None:
    answers: list[str] = []

    def save(folder: Path) -> None:
        line = '{"execute": "human-monitor-command", "arguments": {"command-line": "savevm x"}}'
        answers.extend(commands(folder, line))

    run = boot_disturbed(emulator, tmp_path, platform, save)
    assert NOT_SAVED in answers[0]
    assert "page states" in answers[0]
    assert run.outcome == "shutdown"


def test_a_guest_is_not_loaded(emulator: Path, tmp_path: Path, platform: str) -> None:
    """Whatever the saved state is: that of a machine without a confidential guest has no page states either."""
    state = tmp_path / "state"
    state.write_bytes(b"QEVM\0\0\0\x03")
    folder = tmp_path / "run"
    folder.mkdir()
    setup = Setup(devices=("-incoming", f"exec:cat {state}"))
    run = boot(emulator, folder, platform, "ends", "case_power_off", setup)
    assert run.exit_code == 1
    assert NOT_SAVED in run.log
    assert run.lines == []
