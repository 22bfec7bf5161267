# SPDX-License-Identifier: GPL-2.0-only
"""A guest that is saved in the middle of its run and loaded by another emulator goes on as the whole run does, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.toolkit.run import saved_guest
from acceptlab.toolkit.run.emulator_command import RunFiles
from acceptlab.toolkit.run.saved_guest import Identity, SavedGuest
from tests.emulator import bare_run
from tests.emulator.bare_run import BareRun, Setup
from tests.emulator.test_repeatable import boot_disturbed, commands

WORK = ("ends", "case_power_off_after_work")
IDENTITY = Identity("", "", "", "")
LEFT = ("events.raw", "report.json", "console.log")
"""What a run leaves, but for the snapshots of the bitmap."""


def saving(
    emulator: Path, folder: Path, platform: str, setup: Setup, clocks: list[int]
) -> list[SavedGuest]:
    """Boot the guest and save it at these clocks."""
    folder.mkdir()
    command = bare_run.command_of(emulator, folder, platform, *WORK, setup)
    return saved_guest.save(command, RunFiles(folder), IDENTITY, clocks, folder, 60)


def going_on(
    emulator: Path, folder: Path, platform: str, setup: Setup, saved: SavedGuest
) -> BareRun:
    """Load the saved guest into an emulator, and let it run to its end."""
    folder.mkdir()
    command = bare_run.command_of(emulator, folder, platform, *WORK, setup)
    saved_guest.take_over(saved, RunFiles(folder))
    command = saved_guest.loading(command, saved)
    return bare_run.run(command, folder, platform, WORK[0], setup)


def whole(emulator: Path, folder: Path, platform: str, setup: Setup) -> BareRun:
    folder.mkdir()
    run = bare_run.boot(emulator, folder, platform, *WORK, setup)
    assert run.report is not None, run.log
    return run


def assert_same(run: BareRun, other: BareRun) -> None:
    assert run.log == other.log == ""
    for name in LEFT:
        assert (run.folder / name).read_bytes() == (other.folder / name).read_bytes(), name
    bitmaps = [
        {path.name: path.read_bytes() for path in (one.folder / "bitmap").iterdir()}
        for one in (run, other)
    ]
    assert bitmaps[0] == bitmaps[1]


def half_of(run: BareRun) -> int:
    assert run.report is not None
    return int(run.report["instructions"]) // 2


@pytest.mark.parametrize("cpus", [1, 2])
def test_it_goes_on_as_the_whole_run_does(
    emulator: Path, tmp_path: Path, platform: str, cpus: int
) -> None:
    setup = Setup(cpus=cpus)
    run = whole(emulator, tmp_path / "whole", platform, setup)
    [saved] = saving(emulator, tmp_path / "saving", platform, setup, [half_of(run)])
    for name in ("first", "second"):
        other = going_on(emulator, tmp_path / name, platform, setup, saved)
        assert_same(run, other)


def test_another_guest_does_not_go_on_from_it(
    emulator: Path, tmp_path: Path, platform: str
) -> None:
    """With another host, other probes, an act or a halt whose moment is over: each is said in one line."""
    setup = Setup()
    run = whole(emulator, tmp_path / "whole", platform, setup)
    [saved] = saving(emulator, tmp_path / "saving", platform, setup, [half_of(run)])
    first = run.of("stage")[0].seq
    others = {
        "it is of another guest": replace(setup, properties=("host-backing=4K",)),
        "it is of another guest:": replace(setup, probes=("nobody 0xffffffff81000000",)),
        "the moment of 'decompressor": replace(
            setup, attacks=({"snp": "decompressor remap 0x1000", "tdx": "decompressor remove 0x1000"}[platform],)
        ),
        "the moment at which it is to be halted is over": replace(setup, properties=(f"halt-at=event:{first}",)),
    }  # fmt: skip
    for number, (why, other) in enumerate(others.items()):
        found = going_on(emulator, tmp_path / str(number), platform, other, saved)
        assert found.exit_code == 1, why
        assert why in found.log
        assert found.report is None


def test_a_machine_without_its_page_states_is_not_run(
    emulator: Path, tmp_path: Path, platform: str
) -> None:
    """A stream of QEMU's that ends where the machine's parts would begin: an empty section, and its end."""
    saved = tmp_path / "saved"
    saved.mkdir()
    (saved / "state").write_bytes(b"QEVM\0\0\0\x03\0")
    (saved / "ram").write_bytes(b"")
    folder = tmp_path / "run"
    folder.mkdir()
    setup = Setup(
        devices=(
            *("-incoming", f"file:{saved / 'state'}"),
            *("-global", "migration.send-configuration=off"),
            *("-global", "migration.store-global-state=off"),
        )
    )
    run = bare_run.boot(emulator, folder, platform, *WORK, setup)
    assert run.exit_code == 1
    assert "without the page states" in run.log
    assert run.lines == []


@pytest.mark.parametrize(
    ("setup", "why"),
    [
        (Setup(threads="multi"), "instructions are not counted"),
        (Setup(properties=("schedule=random:1:1000:0:1000000",)), "by a schedule"),
    ],
)
def test_what_cannot_be_saved_is_refused(
    emulator: Path, tmp_path: Path, platform: str, setup: Setup, why: str
) -> None:
    answers: list[str] = []

    def save(folder: Path) -> None:
        answers.extend(
            commands(folder, '{"execute": "migrate", "arguments": {"uri": "file:/dev/null"}}')
        )

    boot_disturbed(emulator, tmp_path, platform, save, setup)
    assert why in answers[0]
