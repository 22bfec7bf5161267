# SPDX-License-Identifier: GPL-2.0-only
"""The file that describes the boot handoff: a line that says nothing ends the emulator before the guest begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.conftest import Boot

WRONG = [
    pytest.param("ram 0x2000800 0x1000", id="start-within-a-page"),
    pytest.param("ram 0x2000000 0x1800", id="end-within-a-page"),
    pytest.param("accepted 0x1000 0", id="no-size"),
    pytest.param("accepted 0xfffffffffffff000 0x2000", id="beyond-the-address-space"),
    pytest.param("shared 0x1000", id="range-without-size"),
    pytest.param("shared 0x1000 0x1000 0x1000", id="range-with-three-numbers"),
    pytest.param("ram here 0x1000", id="no-number"),
    pytest.param("ram 0x1000 4K", id="suffix"),
    pytest.param("entry 0x1000 0x2000", id="address-with-two-numbers"),
    pytest.param("entry", id="address-without-number"),
    pytest.param("gdt 0x1000", id="gdt-without-size"),
    pytest.param("rom 0x1000 0x1000", id="no-keyword"),
]


def refused(run: BareRun) -> str:
    """Return what the emulator said, after a look at how it ended."""
    assert (run.exit_code, run.events, run.lines) == (1, [], [])
    return run.log


@pytest.mark.parametrize("line", WRONG)
def test_line_that_says_nothing(bare: Boot, line: str) -> None:
    said = refused(bare("snp", "ends", "case_power_off", Setup(handoff=(line,))))
    assert f"cannot use '{line}'" in said
    assert len(said.splitlines()) == 1


def test_the_line_is_named(bare: Boot) -> None:
    run = bare("snp", "ends", "case_power_off", Setup(handoff=("rom 0x1000 0x1000",)))
    number = len((run.folder / "map").read_text().splitlines())
    assert f"boot handoff: {run.folder / 'map'}:{number}:" in refused(run)


def test_comments_and_empty_lines_are_skipped(bare: Boot) -> None:
    run = bare("snp", "ends", "case_power_off", Setup(handoff=("# a comment", "", "  ")))
    assert run.outcome == "shutdown"


@pytest.mark.parametrize("lines", ["entry 0x100000", "ram 0x0 0x1000000", ""])
def test_memory_and_an_entry_are_needed(bare: Boot, tmp_path: Path, lines: str) -> None:
    path = tmp_path / "map"
    path.write_text(lines + "\n")
    run = bare("snp", "ends", "case_power_off", Setup(properties=(f"handoff={path}",)))
    assert f"boot handoff: {path}: needs a 'ram' and an 'entry' or a 'firmware' line" in refused(
        run
    )


def test_missing_file(bare: Boot, tmp_path: Path) -> None:
    path = tmp_path / "none"
    run = bare("snp", "ends", "case_power_off", Setup(properties=(f"handoff={path}",)))
    assert "boot handoff: " in refused(run)
    assert str(path) in run.log
