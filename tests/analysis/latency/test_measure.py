# SPDX-License-Identifier: GPL-2.0-only
"""Latencies of whole run folders: probes, durations, who was held up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from acceptlab.analysis.files import sha256_of
from acceptlab.analysis.measure.latency.groups import Row, rounded_sizes, size_name
from acceptlab.analysis.measure.latency.latencies import Latency, measure
from acceptlab.analysis.measure.latency.stalls import Where, where_of
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import METADATA_KEY, PAGE_SIZE, UNIT_SIZE, Kind, Stage
from tests.analysis.synthetic import Guest, booted

PROBES = ("accept_memory", "handle_mm_fault")


def call(guest: Guest, probe: int, inside: object, vcpu: int = 0, caller: int = 0x1000) -> None:
    """A call of a probed function; ``inside`` is done in it."""
    guest.event(Kind.PROBE_ENTER, 1, 2, detail=probe, vcpu=vcpu, caller=caller)
    if callable(inside):
        inside()
    guest.event(Kind.PROBE_RETURN, detail=probe, vcpu=vcpu)


@pytest.fixture
def latency(tmp_path: Path) -> Latency:
    """Two accepting calls, the second in a page fault; one page on another vCPU meanwhile."""
    guest = Guest(probes=PROBES)
    low = guest.layout.low
    guest.stage_now = Stage.KERNEL

    def a_unit() -> None:
        guest.accept_block(low, UNIT_SIZE)
        guest.accept_block(low + 4 * UNIT_SIZE, PAGE_SIZE, vcpu=1)

    call(guest, 0, a_unit)
    page = lambda: guest.accept_block(low + 2 * UNIT_SIZE, PAGE_SIZE)  # noqa: E731
    call(guest, 1, lambda: call(guest, 0, page, caller=0x2000))
    guest.end()
    return measure(Run.open(guest.write(tmp_path / "run")))


def test_a_call_takes_what_its_own_vcpu_executed(tmp_path: Path) -> None:
    """Where that was counted; else the clock has to do, which runs on in other vCPUs' turns."""
    guest = Guest(probes=("get_page_from_freelist",))
    guest.stage_now = Stage.KERNEL
    for executed, unit in ((3, 0), (0, 2)):
        guest.event(Kind.PROBE_ENTER)
        guest.accept_block(guest.layout.low + unit * UNIT_SIZE, UNIT_SIZE)
        guest.event(Kind.PROBE_RETURN, size=executed)
    guest.end()
    found = measure(Run.open(guest.write(tmp_path / "run")))
    assert row(found, "get_page_from_freelist", "", "").distribution.total == 3 + 14
    assert found.longest_stall == 14


def row(latency: Latency, operation: str, by: str, value: str) -> Row:
    (found,) = [
        one for one in latency.rows if (one.operation, one.by, one.value) == (operation, by, value)
    ]
    return found


def test_a_call_lasts_from_entry_to_return(latency: Latency) -> None:
    assert row(latency, "accept_memory", "", "").distribution.total == 21 + 14
    assert row(latency, "handle_mm_fault", "", "").distribution.total == 28


def test_a_call_s_size_is_what_its_own_vcpu_accepted_in_it(latency: Latency) -> None:
    assert row(latency, "accept_memory", "size", "2M").distribution.max == 21
    assert row(latency, "accept_memory", "size", "4K").distribution.max == 14


def test_callers_stages_and_vcpus_are_told_apart(latency: Latency) -> None:
    assert row(latency, "accept_memory", "caller", "0x2000").distribution.count == 1
    assert row(latency, "accept_memory", "stage", "kernel").distribution.count == 2
    assert row(latency, "accept_memory", "vcpu", "0").distribution.count == 2


def test_a_stall_in_a_page_fault_is_seen(latency: Latency) -> None:
    stalls = {one.where: one for one in latency.stalls}
    assert stalls[Where.FAULT].time == 14 and stalls[Where.FAULT].bytes == PAGE_SIZE
    assert stalls[Where.UNKNOWN].time == 21


def test_batches_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guest = Guest(probes=PROBES)
    for number in range(40):
        vcpu = number % 2
        call(guest, 1, lambda n=number, v=vcpu: call(guest, 0, None, v, n), vcpu)
    guest.end()
    run = Run.open(guest.write(tmp_path / "run"))
    whole = measure(run)
    batches = EventFile.batches
    monkeypatch.setattr(EventFile, "batches", lambda self, columns: batches(self, columns, 7))
    assert measure(run) == whole


def test_durations_of_events_are_used(tmp_path: Path) -> None:
    folder = booted(backing="4K").write(tmp_path / "run")
    table = pq.read_table(folder / "events.parquet")
    accepts = np.array([kind == "accept" for kind in table["kind"].to_pylist()])
    duration = pa.array(np.where(accepts, 3, 0), pa.uint64(), mask=~accepts)
    table = table.set_column(table.schema.get_field_index("duration"), "duration", duration)
    about = pq.ParquetFile(folder / "events.parquet").metadata.metadata[METADATA_KEY]
    table = table.replace_schema_metadata({METADATA_KEY: about})
    pq.write_table(table, folder / "events.parquet")
    data = json.loads((folder / "run.json").read_text())
    data["events"]["sha256"] = sha256_of(folder / "events.parquet")
    (folder / "run.json").write_text(json.dumps(data))
    found = measure(Run.open(folder))
    assert row(found, "accept", "", "").distribution.total == 3 * (accepts.sum() - 8)
    refused = row(found, "accept, refused", "size", "2M").distribution
    assert refused.count == 8  # the first try at every unit, of three blocks and two guard units


def test_a_run_that_measured_nothing_says_so(tmp_path: Path) -> None:
    assert not measure(Run.open(booted().write(tmp_path / "run"))).measured


@pytest.mark.parametrize(
    ("function", "where"),
    [
        ("get_page_from_freelist", Where.ALLOCATION),
        ("alloc_pages_bulk_noprof", Where.ALLOCATION),
        ("handle_mm_fault", Where.FAULT),
        ("deferred_init_memmap_chunk+0x12", Where.BACKGROUND),
        ("memblock_alloc_range_nid.constprop.0", Where.EARLY),
        ("set_memory_encrypted", Where.CONVERSION),
        ("alloc_frozen_pages_noprof", Where.ALLOCATION),
        ("amd_enc_status_change_finish", Where.CONVERSION),
        ("tdx_enc_status_change_prepare+0x31", Where.CONVERSION),
        ("snp_kexec_finish", Where.CONVERSION),
        ("tdx_kexec_begin.cold", Where.CONVERSION),
        ("mm_core_init_early", Where.EARLY),
        ("trap_init", Where.EARLY),
        ("kmem_cache_free", Where.UNKNOWN),
        ("vc_handle_exitcode", Where.UNKNOWN),
        ("kexec_finish", Where.UNKNOWN),
    ],
)
def test_functions_tell_what_is_held_up(function: str, where: Where) -> None:
    assert where_of(function) is where


@pytest.mark.parametrize(
    ("size", "name"),
    [(0, "nothing"), (4096, "4K"), (2 << 20, "2M"), (6 << 20, "6M"), (40 << 20, "up to 64M")],
)
def test_sizes_have_few_names(size: int, name: str) -> None:
    (rounded,) = rounded_sizes(np.array([size], np.uint64)).tolist()
    assert size_name(rounded) == name == size_name(size)


def test_the_longest_stall_is_of_a_call_that_accepted_something(tmp_path: Path) -> None:
    guest = Guest(probes=("get_page_from_freelist",))
    low = guest.layout.low
    guest.stage_now = Stage.KERNEL

    def long_but_idle() -> None:
        for _ in range(4):
            guest.accept_block(low + 8 * UNIT_SIZE, PAGE_SIZE, vcpu=1)

    call(guest, 0, long_but_idle)
    call(guest, 0, lambda: guest.accept_block(low, UNIT_SIZE))
    guest.end()
    assert measure(Run.open(guest.write(tmp_path / "run"))).longest_stall == 14


@pytest.mark.parametrize(
    ("series", "longest"),
    [({"name": "x", "waits": ["accept_touched"]}, 14), ({"name": "x"}, None), ({"name": "x", "waits": 5}, None)],
)  # fmt: skip
def test_a_series_names_functions_that_wait(
    series: dict[str, object], longest: int | None, tmp_path: Path
) -> None:
    guest = Guest(probes=("accept_touched",))
    guest.stage_now = Stage.KERNEL
    call(guest, 0, lambda: guest.accept_block(guest.layout.low, UNIT_SIZE))
    guest.end()
    path = guest.write(tmp_path / "run") / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "series": series}))
    assert measure(Run.open(path.parent)).longest_stall == longest


def test_without_a_probe_there_is_no_longest_stall(latency: Latency) -> None:
    assert latency.longest_stall is None
