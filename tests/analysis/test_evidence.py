# SPDX-License-Identifier: GPL-2.0-only
"""What a guest did, as evidence of what its kernel is and of probes that do not work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acceptlab.analysis.invariants.evidence import acts_as_guest
from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.trace.schema import PAGE_SIZE, ConvertTo, Kind, Stage
from tests.analysis.synthetic import Guest, Layout, Records, booted

MIB = 1 << 20
SEEN = [
    (Kind.ACCEPT, {}),
    (Kind.RESCIND, {}),
    (Kind.RELEASE, {}),
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


def without_probes(records: Records) -> Records:
    """The same events as a probe at a wrong address leaves them."""
    left = records[(records["kind"] != Kind.PROBE_ENTER) & (records["kind"] != Kind.PROBE_RETURN)]
    left["seq"] = np.arange(len(left))
    left["detail"][-1] = len(left) - 1
    return left


def silent(guest: Guest, folder: Path, **changes: Any) -> list[str]:
    """What the verdict says of probes that never fired."""
    verdict = replay_run(guest.write(folder, without_probes, **changes))
    found = [reason for reason in verdict.reasons if "never fired" in reason]
    assert not found or verdict.verdict == "undecided"
    return found


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_a_probe_on_accept_memory_that_never_fired(platform: str, tmp_path: Path) -> None:
    (said,) = silent(booted(platform=platform, probes=("accept_memory",)), tmp_path / "run")
    assert said.startswith("The probe on accept_memory never fired, but the kernel accepted")
    assert "16 MiB" in said  # and the two units behind


def test_a_probe_that_fired_is_passed_over(tmp_path: Path) -> None:
    folder = booted(probes=("accept_memory",)).write(tmp_path / "run")
    assert replay_run(folder).verdict == "clean"


@pytest.mark.parametrize("layout", [Layout(), Layout(96 * MIB, 96 * MIB)])
def test_a_probe_on_accept_memory_with_nothing_to_accept(layout: Layout, tmp_path: Path) -> None:
    guest = Guest(layout=layout, probes=("accept_memory",))
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    guest.share(MIB, PAGE_SIZE)
    guest.unshare(MIB, PAGE_SIZE)  # accepts, but by a conversion
    guest.stage(Stage.USERSPACE)
    guest.end()
    assert silent(guest, tmp_path / "run") == []


@pytest.mark.parametrize(
    ("name", "outcome", "lines"),
    [("mm_core_init", "userspace", 1), ("mm_core_init", "panic", 0), ("kmem_dump_obj", "userspace", 0)],
)  # fmt: skip
def test_functions_of_every_boot(name: str, outcome: str, lines: int, tmp_path: Path) -> None:
    assert len(silent(booted(probes=(name,)), tmp_path / "run", outcome=outcome)) == lines


def test_a_lock_fires_by_the_functions_that_take_it(tmp_path: Path) -> None:
    takes = ("_raw_spin_lock", "_raw_spin_lock_irqsave", "_raw_spin_unlock", "_raw_spin_unlock_irqrestore")  # fmt: skip
    guest = booted(probes=("unaccepted_memory_lock", *takes))
    assert len(silent(guest, tmp_path / "never")) == 1
    assert silent(guest, tmp_path / "series", series={"name": "mine"}) == []
    guest = Guest(probes=("unaccepted_memory_lock", *takes))
    guest.boot()
    guest.event(Kind.PROBE_ENTER, detail=2)
    guest.end()
    verdict = replay_run(guest.write(tmp_path / "fired"))
    assert not any("never fired" in reason for reason in verdict.reasons)


def test_other_recorders_list_what_they_saw(tmp_path: Path) -> None:
    guest = booted(probes=("accept_memory",))
    assert silent(guest, tmp_path / "run", source="ftrace") == []
