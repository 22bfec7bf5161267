# SPDX-License-Identifier: GPL-2.0-only
"""run.json: what is read back, and what is refused in one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.run.run_folder import Run, write_run_json
from acceptlab.analysis.run.run_info import (
    Bitmap,
    Blob,
    EventsInfo,
    Kernel,
    Machine,
    Probe,
    RunInfo,
    SecondKernel,
)
from acceptlab.analysis.run.run_json import from_json
from tests.analysis.synthetic import Guest

CHECKOUT = Path(__file__).parents[2]
LEAST = {"format": 1, "platform": "snp", "clock": "ns", "outcome": "userspace"}


def refused(folder: Path, text: str) -> str:
    (folder / "run.json").write_text(text)
    with pytest.raises(BadInput) as error:
        Run.open(folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    info = Guest().info()
    write_run_json(tmp_path, info)
    assert Run.open(tmp_path).info == info


def test_the_same_info_gives_the_same_bytes(tmp_path: Path) -> None:
    write_run_json(tmp_path, Guest().info())
    first = (tmp_path / "run.json").read_bytes()
    write_run_json(tmp_path, Run.open(tmp_path).info)
    assert (tmp_path / "run.json").read_bytes() == first


def test_the_least_that_is_needed_is_enough(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(LEAST))
    info = Run.open(tmp_path).info
    assert (info.source, info.machine.cpus, info.handoff.bitmap) == ("emulator", 1, None)


def test_unknown_keys_are_kept(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({**LEAST, "weather": {"wind": 3}}))
    write_run_json(tmp_path, Run.open(tmp_path).info)
    assert json.loads((tmp_path / "run.json").read_text())["weather"] == {"wind": 3}


@pytest.mark.parametrize("word", ["eager", "deferred:4", "lazy+deferred", "fault:16"])
def test_every_policy_is_a_word(word: str, tmp_path: Path) -> None:
    info = RunInfo(
        platform="snp", clock="instructions", outcome="userspace", machine=Machine(accept=word)
    )
    write_run_json(tmp_path, info)
    assert Run.open(tmp_path).info.machine.accept == word


def test_addresses_may_be_hex_text() -> None:
    handoff = {
        "ram": [["0x0", "0xa0000"]],
        "blobs": [{"name": "initrd", "start": "0x1000", "size": 5}],
        "bitmap": {"table": "0x2000", "phys_base": "0x100000000", "unit_size": 0x200000, "size": 8},
    }
    probes = [{"name": "f", "address": "0xffffffff81000000"}]
    info = from_json(
        {
            **LEAST,
            "handoff": handoff,
            "probes": probes,
            "report": {"kaslr_offset": "0x1e000000", "second_kaslr_offset": "0x2000000"},
        }
    )
    assert info.handoff.ram == ((0, 0xA0000),)
    assert info.handoff.blobs == (Blob("initrd", 0x1000, 5),)
    assert info.handoff.bitmap == Bitmap(0x2000, 1 << 32, 0x200000, 8)
    assert info.probes == (Probe("f", 0xFFFFFFFF81000000),)
    assert (info.kaslr_offset, info.second_kaslr_offset) == (0x1E000000, 0x2000000)


def test_a_second_kernel_comes_back_as_it_was(tmp_path: Path) -> None:
    second = SecondKernel("kdump", Kernel("debian:6.1", "/boot/vmlinuz", "6.1", "ab"))
    info = replace(from_json(LEAST), second=second)
    write_run_json(tmp_path, info)
    assert Run.open(tmp_path).info.second == second


@pytest.mark.parametrize("version", [0, 2, "1", True, None])
def test_another_version_is_refused(tmp_path: Path, version: Any) -> None:
    text = json.dumps({**LEAST, "format": version})
    assert "by this version, which reads 1" in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("platform", "sev"),
        ("platform", None),
        ("clock", "hours"),
        ("outcome", "fine"),
        ("source", "rumour"),
        ("kernel", []),
        ("kernel", {"version": 6}),
        ("machine", {"memory": -1}),
        ("machine", {"memory": 1.5}),
        ("machine", {"memory": 1 << 64}),
        ("machine", {"accept": "perhaps"}),
        ("machine", {"kaslr": "yes"}),
        ("handoff", {"ram": [[1]]}),
        ("handoff", {"ram": [[1, "x"]]}),
        ("handoff", {"blobs": ["initrd"]}),
        ("handoff", {"bitmap": {"unit_size": 0}}),
        ("host", {"backing": "1G"}),
        ("attacks", [1]),
        ("hotplug", [1]),
        ("events", {"complete": "yes"}),
        ("report", {"kaslr_offset": "high"}),
        # Written as a text, a decimal number is another one than it looks like.
        ("report", {"kaslr_offset": "2097152"}),
        ("report", {"kaslr_offset": " 0x2"}),
        ("report", {"kaslr_offset": "0x1_0"}),
        ("report", {"kaslr_offset": "-0x2"}),
        ("report", {"kaslr_offset": "0x"}),
        ("report", {"second_kaslr_offset": "high"}),
        ("second", {"started_by": "magic"}),
        ("report", []),
    ],
)
def test_a_value_that_does_not_fit_is_named(tmp_path: Path, key: str, value: Any) -> None:
    message = refused(tmp_path, json.dumps({**LEAST, key: value}))
    assert message.startswith(str(tmp_path / "run.json"))
    assert key in message


def test_text_that_is_no_json(tmp_path: Path) -> None:
    assert "is damaged: line 1" in refused(tmp_path, "{")
    assert "not a JSON object" in refused(tmp_path, "[]")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere is not a run folder: there is no such folder"):
        Run.open(tmp_path / "nowhere")


def test_a_folder_without_run_json(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"is not a run folder: it has no run\.json$"):
        Run.open(tmp_path)


def test_a_folder_of_run_folders_names_them(tmp_path: Path) -> None:
    for name in ("snp", "tdx", "a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    with pytest.raises(
        BadInput, match=r"it has no run\.json, but a, b, snp and 1 more in it have$"
    ):
        Run.open(tmp_path)


def test_a_recording_in_place_of_a_run_folder(tmp_path: Path) -> None:
    trace = tmp_path / "trace.txt"
    trace.write_text("")
    with pytest.raises(
        BadInput, match=r"is a file, not a run folder; `acceptlab import .*trace.txt`"
    ):
        Run.open(trace)


def test_an_unwritable_place_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot write"):
        write_run_json(tmp_path / "nowhere", Guest().info())


@pytest.mark.parametrize(
    ("source", "complete", "usable"),
    [("ebpf", False, True), ("ebpf", True, False), ("emulator", False, False)],
)
def test_only_a_recorder_that_was_killed_may_lack_a_checksum(
    tmp_path: Path, source: str, complete: bool, usable: bool
) -> None:
    (tmp_path / "events.parquet").touch()
    info = RunInfo("snp", "ns", "killed", source=source, events=EventsInfo(complete=complete))
    write_run_json(tmp_path, info)
    if usable:
        Run.open(tmp_path).verify_events()
    else:
        with pytest.raises(BadInput, match="checksum"):
            Run.open(tmp_path).verify_events()


def test_a_run_folder_of_an_earlier_release_is_read_as_today_s() -> None:
    text = (CHECKOUT / "traces" / "tdx-ftrace" / "run.json").read_text()
    assert '"handoff"' in text
    old = text.replace('"handoff": {', '"hand_over": {').replace('"handoff"', '"hand-over"')
    assert from_json(json.loads(old)) == from_json(json.loads(text))
