# SPDX-License-Identifier: GPL-2.0-only
"""The arithmetic of make bench, and its parts with stand-ins for the heavy ones."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.run.options import RunOptions
from benchmarks import __main__ as main
from benchmarks import boots, injections
from benchmarks.judged import Judged
from tests.toolkit import toy


def test_the_ratio_is_the_median_of_pairs_not_of_medians() -> None:
    seconds = {
        "stock": [1.0, 10.0, 4.0],
        "events off": [2.0, 10.0, 2.0],
        "events on": [9.0, 9.0, 9.0],
    }
    assert boots.Result("snp", seconds).ratio("events off") == 1.0


def test_a_missed_bound_shows() -> None:
    slow = {"stock": [1.0], "events off": [1.11], "events on": [1.25]}
    holds = {row["what"]: row["holds"] for row in main._boot_rows(boots.Result("tdx", slow))}
    assert holds["tdx: events off, by stock"] == "MISSED"
    assert holds["tdx: events on, by stock"] == "holds"
    rows = main._replay_rows("big", Judged(17_000_000, 4.0, 5.0, 6.0, 9 << 30, "clean"))
    assert [row["holds"] for row in rows] == ["", "MISSED", "", "", "MISSED"]


def test_a_campaign_that_is_too_slow_shows() -> None:
    rates = {"late": injections.Rate(59.0, 1.0), "early": injections.Rate(20.0, 5.0)}
    rows = main._injection_rows("snp", rates)
    assert [row["holds"] for row in rows] == ["MISSED", "", "holds", ""]


@pytest.mark.parametrize(
    ("said", "message"),
    [("QEMU emulator version 8.2.1", "not of version 10.0"), (None, "not installed")],
)
def test_stock_has_to_be_the_same_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, message: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if said:
        stock = tmp_path / boots.STOCK
        stock.write_text(f"#!/bin/sh\necho '{said}'\n")
        stock.chmod(stock.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(MachineError, match=message):
        boots._stock("10.0")


def test_a_boot_that_does_not_reach_userspace_counts_for_nothing(tmp_path: Path) -> None:
    files = boots.RunFiles(tmp_path)
    files.console.write_text("Linux version 6.12\nKernel panic\n")
    with pytest.raises(MachineError, match="Kernel panic"):
        boots._boot(boots.Contender("stock", ["true"], files))


def test_the_peer_boots_the_same_cpu_model_without_a_confidential_guest(
    tmp_path: Path, own_cache: Path
) -> None:
    kernel = resolve(str(toy.make_kernel(tmp_path)))
    options = RunOptions(kernel.name, platform="tdx", memory="256M")
    command = list(
        boots._plain(options, kernel, "/usr/bin/qemu", "10.0", tmp_path / "stock").command
    )
    assert command[0] == "/usr/bin/qemu"
    assert command[command.index("-cpu") + 1] == boots.cpu_model("tdx", "10.0")
    assert not any("confidential" in word or "emulated" in word for word in command)
