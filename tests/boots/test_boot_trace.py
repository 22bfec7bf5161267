# SPDX-License-Identifier: GPL-2.0-only
"""`collect --boot`: a stock kernel that traces its own boot sees the accepts that the emulator sees, from the initcalls on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from analysis.run_folder import Run
from tests.boots.accepted_pages import accepted_pages, assert_part_of
from tests.boots.conftest import BootGuest
from toolkit.collect import boot as boot_tracing

WORDS = (
    "debian:6.12", "--platform", "tdx", "--memory", "1G", "--firmware-accepts", "minimal",
    "--append", boot_tracing.command_line("tdx"), "--workload", "touch:600M", "--workload", "ftrace",
)  # fmt: skip


def test_trace_of_the_boot_agrees_with_the_emulator(boot: BootGuest, tmp_path: Path) -> None:
    own = boot(*WORDS).folder
    command = [
        sys.executable,
        "-m",
        "toolkit",
        "import",
        str(own / "console.log"),
        "--run",
        str(own),
    ]
    subprocess.run([*command, "--out", str(tmp_path / "ftrace")], check=True)
    seen = accepted_pages(tmp_path / "ftrace")
    assert_part_of(seen, accepted_pages(own))
    assert len(seen) * 4096 > 64 << 20
    info = Run.open(tmp_path / "ftrace").info
    assert (info.source, info.events.complete) == ("ftrace", True)
    assert "early" in info.absent
