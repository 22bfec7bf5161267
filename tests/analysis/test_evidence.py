# SPDX-License-Identifier: GPL-2.0-only
"""What a guest did, as evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.evidence import acts_as_guest
from analysis.schema import PAGE_SIZE, ConvertTo, Kind, Stage
from tests.analysis.synthetic import Guest, Layout

MIB = 1 << 20
SEEN = [
    (Kind.ACCEPT, {}),
    (Kind.RESCIND, {}),
    (Kind.CONVERT, {"detail": ConvertTo.SHARED}),
]
NOT_SEEN = [
    (Kind.ACCEPT, {"result": 6}),  # it failed
    (Kind.CONVERT, {"detail": ConvertTo.PRIVATE}),
    (Kind.ASSIGN, {}),
    (Kind.FAULT, {}),
]


def acts(tmp_path: Path, kind: Kind, stage: Stage, **more: int) -> bool:
    guest = Guest(layout=Layout(32 * MIB, 32 * MIB))
    if stage != Stage.FIRMWARE:
        guest.stage(stage)
    guest.event(kind, 4 * MIB, PAGE_SIZE, **more)
    guest.end()
    return acts_as_guest(guest.write(tmp_path / "run") / "events.parquet")


@pytest.mark.parametrize(("kind", "more"), SEEN)
@pytest.mark.parametrize("stage", [Stage.DECOMPRESSOR, Stage.KERNEL, Stage.USERSPACE])
def test_what_only_a_guest_does(
    kind: Kind, more: dict[str, int], stage: Stage, tmp_path: Path
) -> None:
    assert acts(tmp_path, kind, stage, **more)


@pytest.mark.parametrize(("kind", "more"), NOT_SEEN)
def test_what_shows_nothing(kind: Kind, more: dict[str, int], tmp_path: Path) -> None:
    assert not acts(tmp_path, kind, Stage.KERNEL, **more)


def test_what_firmware_does_shows_nothing_of_the_kernel(tmp_path: Path) -> None:
    assert not acts(tmp_path, Kind.ACCEPT, Stage.FIRMWARE)
