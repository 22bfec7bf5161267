# SPDX-License-Identifier: GPL-2.0-only
"""Ways of tracking unaccepted memory: entries against a model, shares and refusals on a synthetic run, figures of a command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.measure.metadata.map_entries import Entries
from acceptlab.analysis.measure.metadata.metadata_cost import Tracking, measure, probes_for
from acceptlab.analysis.report.metadata_text import as_text
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, Kind, Stage
from tests.analysis.synthetic import MIB, Guest, Layout
from tests.toolkit.command_line import invoke

PROBES = probes_for("6.12")


def runs_of(units: set[int]) -> list[int]:
    """Where maximal runs begin: the model."""
    return sorted(unit for unit in units if unit - 1 not in units)


@given(st.sets(st.integers(0, 40)), st.lists(st.integers(0, 40), max_size=60))
def test_entries_are_the_maximal_runs(units: set[int], accepts: Sequence[int]) -> None:
    entries, left, most, moved = Entries(units), set(units), len(runs_of(units)), 0
    for unit in accepts:
        before = runs_of(left)
        assert entries.accept(unit) == (unit in left)
        left.discard(unit)
        after = runs_of(left)
        most = max(most, len(after))
        if len(after) != len(before):
            moved += sum(start > unit for start in before)
        assert len(entries) == len(after)
    assert entries.most == most
    assert entries.moved == moved
    assert entries.changes == len(units) - len(left)


@pytest.mark.parametrize(
    ("unit", "count"), [(3, "shrinks"), (5, "splits"), (9, "shrinks"), (20, "removals")]
)
def test_what_an_accept_does_to_the_map(unit: int, count: str) -> None:
    entries = Entries([*range(3, 10), 20])
    assert entries.accept(unit)
    assert {name: getattr(entries, name) for name in ("splits", "shrinks", "removals")} == {
        "splits": 0,
        "shrinks": 0,
        "removals": 0,
        count: 1,
    }


def booted(folder: Path, platform: str, probes: tuple[str, ...] = PROBES) -> Run:
    """32 units from 32 MiB on: one is accepted by the decompressor, two, three and four in the kernel's three phases."""
    guest = Guest(platform, layout=Layout(32 * MIB, 96 * MIB), probes=probes, guard=False)
    low = guest.layout.low
    guest.stage(Stage.DECOMPRESSOR)
    guest.accept_memory(low, UNIT_SIZE)
    guest.stage(Stage.KERNEL)
    guest.accept_memory(low + 10 * UNIT_SIZE, 2 * UNIT_SIZE)
    for at, start in enumerate((14, 20)):
        if probes:
            guest.event(Kind.PROBE_RETURN, detail=at)
        guest.accept_memory(low + start * UNIT_SIZE, (3 + at) * UNIT_SIZE)
    guest.stage(Stage.USERSPACE)
    guest.end()
    return Run.open(guest.write(folder))


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_shares_by_what_there_is_of_struct_pages(platform: str, tmp_path: Path) -> None:
    found = measure(booted(tmp_path / "run", platform))
    shares = (found.decompressor, found.no_struct_page, found.deferred, found.later)
    assert [share // UNIT_SIZE for share in shares] == [1, 2, 3, 4]
    assert (found.units, found.accepted_units, found.entries) == (32, 10, (1, 4, 4))
    assert (found.bitmap, found.memblock) == (8, 4 * 24)
    assert found.struct_pages == found.memory // PAGE_SIZE * 64


def test_pages_that_become_private_again_are_no_new_accepts(tmp_path: Path) -> None:
    guest = Guest("snp", layout=Layout(32 * MIB, 96 * MIB), probes=PROBES, guard=False)
    guest.stage(Stage.KERNEL)
    for probe in range(len(PROBES)):
        guest.event(Kind.PROBE_RETURN, detail=probe)
    guest.accept_memory(guest.layout.low, UNIT_SIZE)
    guest.share(guest.layout.low, 4 * PAGE_SIZE)
    guest.unshare(guest.layout.low, 4 * PAGE_SIZE)
    guest.end()
    found = measure(Run.open(guest.write(tmp_path / "run")))
    assert (found.accepted, found.changes) == (UNIT_SIZE, 1)


def test_a_host_with_small_pages_makes_no_difference(tmp_path: Path) -> None:
    guest = Guest(
        "tdx", backing="4K", layout=Layout(32 * MIB, 96 * MIB), probes=PROBES, guard=False
    )
    guest.stage(Stage.KERNEL)
    guest.accept_memory(guest.layout.low + 4 * UNIT_SIZE, 2 * UNIT_SIZE)
    for probe in range(len(PROBES)):
        guest.event(Kind.PROBE_RETURN, detail=probe)
    guest.end()
    found = measure(Run.open(guest.write(tmp_path / "run")))
    assert (found.no_struct_page, found.changes, found.entries) == (2 * UNIT_SIZE, 2, (1, 2, 2))


def test_a_run_without_the_probes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--probe free_area_init --probe page_alloc_init_late"):
        measure(booted(tmp_path / "run", "snp", probes=()))


NEW = ("mm_core_init_early", "page_alloc_init_late")


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_kernels_from_7_0_on_have_another_name(platform: str, tmp_path: Path) -> None:
    found = measure(booted(tmp_path / "run", platform, NEW))
    shares = (found.decompressor, found.no_struct_page, found.deferred, found.later)
    assert [share // UNIT_SIZE for share in shares] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("version", "first"),
    [("6.19.14-cloud", "free_area_init"), ("7.0.1", NEW[0]), ("10.1", NEW[0]), ("", "free_area_init")],
)  # fmt: skip
def test_the_probes_of_a_version(version: str, first: str, tmp_path: Path) -> None:
    assert probes_for(version) == (first, "page_alloc_init_late")
    guest = Guest(release=version)
    guest.end()
    with pytest.raises(BadInput, match=f"--probe {first} --probe page_alloc_init_late"):
        measure(Run.open(guest.write(tmp_path / "run")))


def test_a_probe_that_never_fired_is_no_answer(tmp_path: Path) -> None:
    guest = Guest(probes=NEW)
    guest.stage(Stage.KERNEL)
    guest.event(Kind.PROBE_RETURN, detail=1)
    guest.end()
    with pytest.raises(BadInput, match="probe on mm_core_init_early never fired"):
        measure(Run.open(guest.write(tmp_path / "run")))
    early = guest.write(tmp_path / "panic", outcome="panic")
    assert measure(Run.open(early)).accepted == 0


def test_text_has_every_run_and_fits_a_mail() -> None:
    one = Tracking(
        "a", 2 << 30, 1024, 300, 1 << 21, 160 << 20, 4 << 20, 64 << 20, (1, 9, 7), 300, 40
    )
    text = as_text([one, one, one])
    assert all(len(line) <= 72 for line in text.splitlines())
    assert text.split("rewrites, under a lock")[1].split()[:3] == ["300"] * 3


def test_command_prints_json(tmp_path: Path) -> None:
    booted(tmp_path / "run", "tdx")
    done = invoke(["metadata", str(tmp_path / "run"), "--json"])
    (found,) = json.loads(done.stdout)
    assert (found["name"], found["entries"], found["bitmap"]) == ("run", [1, 4, 4], 8)
