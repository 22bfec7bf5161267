# SPDX-License-Identifier: GPL-2.0-only
"""symbols.json: a run folder shows names where its kernel is not, and a damaged or hostile file is one line."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel.recorded_symbols import FILE, Named, read_names, write_names
from acceptlab.analysis.kernel.symbol_recorder import record_names, record_symbols
from acceptlab.analysis.kernel.symbols import symbols_of_run
from acceptlab.analysis.run.run_folder import Run, write_run_json
from acceptlab.analysis.run.run_info import Kernel
from acceptlab.analysis.trace.schema import Stage
from tests.analysis.synthetic import ACCEPT_RIP, Guest

KASLR = 0x1000000
CALLER = ACCEPT_RIP + 0x1000
UNSEEN = 0xFFFF_FFFF_8100_0000


def run_with(folder: Path, report: dict[str, Any] | None) -> Run:
    """A run whose kernel has a function of 64 bytes around every address that occurs, and one that none occurs in."""
    map_file = folder / "System.map"
    places = {"unseen": UNSEEN, "accepts": ACCEPT_RIP - KASLR - 4, "calls": CALLER - KASLR - 8}
    lines = sorted((address, name) for name, address in places.items())
    map_file.write_text("".join(f"{address:016x} t {name}\n" for address, name in lines))
    guest = Guest()
    guest.boot()
    guest.end()
    run = guest.write(folder / "run", kernel=Kernel(vmlinux=str(map_file)), report=report)
    return Run.open(run)


@pytest.fixture
def recorded(tmp_path: Path) -> Run:
    """A folder with its names, whose kernel is gone."""
    run = run_with(
        tmp_path, {"kaslr_offset": KASLR, "rip": "0x5", "stack": ["0x0", "not a number"]}
    )
    assert record_symbols(run, None) == 2
    (tmp_path / "System.map").unlink()
    return Run.open(run.path)


def test_names_are_shown_without_the_kernel(recorded: Run) -> None:
    symbols = symbols_of_run(recorded, None)
    assert symbols.name_of(ACCEPT_RIP, Stage.KERNEL) == "accepts+0x4"
    assert symbols.name_of(CALLER, Stage.KERNEL) == "calls+0x8"
    assert symbols.name_of(ACCEPT_RIP, Stage.SECOND_KERNEL) is None
    assert symbols.name_of(ACCEPT_RIP + 1, Stage.KERNEL) is None


def test_a_recorder_that_runs_in_the_guest_names_addresses_as_they_are(tmp_path: Path) -> None:
    """There is no report that says what KASLR added, and no kernel at hand later."""
    run = run_with(tmp_path, None)
    (tmp_path / "System.map").unlink()
    assert record_names(run, lambda _: None) == 0 and not (run.path / FILE).exists()
    names = {ACCEPT_RIP: "accepts+0x4", UNSEEN: "unseen"}
    assert record_names(run, names.get) == 1
    symbols = symbols_of_run(Run.open(run.path), None)
    assert symbols.name_of(ACCEPT_RIP, Stage.KERNEL) == "accepts+0x4"
    assert symbols.name_of(CALLER, Stage.KERNEL) is None
    assert symbols.name_of(UNSEEN, Stage.KERNEL) is None


def test_only_addresses_that_occur_are_there(recorded: Run) -> None:
    value = json.loads((recorded.path / FILE).read_text())
    assert set(value["first"]) == {f"{ACCEPT_RIP:#x}", f"{CALLER:#x}"}
    assert value["second"] == {}
    assert "unseen" not in json.dumps(value)


def test_few_names_are_no_symbol_table(recorded: Run) -> None:
    """A kernel that accepted nothing is called one without support by its symbols: those of a folder are too few for that."""
    symbols = symbols_of_run(recorded, None)
    assert len(symbols.first) == 0


def test_the_kernel_itself_is_preferred(recorded: Run, tmp_path: Path) -> None:
    (tmp_path / "System.map").write_text(f"{UNSEEN:016x} t a\n{ACCEPT_RIP - KASLR:016x} t other\n")
    assert symbols_of_run(recorded, None).name_of(ACCEPT_RIP, Stage.KERNEL) == "other"


@pytest.mark.parametrize("report", [None, {}, {"rip": "0x5"}])
def test_where_kaslr_put_the_kernel_has_to_be_known(tmp_path: Path, report: Any) -> None:
    run = run_with(tmp_path, report)
    assert record_symbols(run, None) == 0
    assert not (run.path / FILE).exists()


def test_the_end_of_a_guest_is_named(tmp_path: Path) -> None:
    where = f"{UNSEEN + KASLR + 3:#x}"
    run = run_with(tmp_path, {"kaslr_offset": KASLR, "rip": where, "stack": [where, "0x12"]})
    record_symbols(run, None)
    assert read_names(run.path)[0][int(where, 16)].symbol == "unseen+0x3"


def test_source_lines_of_an_instruction_and_of_a_call(recorded: Run) -> None:
    first = {CALLER: Named("calls+0x8", "mm/a.c:9", "mm/a.c:8"), ACCEPT_RIP: Named("accepts+0x4")}
    write_names(recorded.path, first, {})
    symbols = symbols_of_run(recorded, None)
    assert symbols.source_of(CALLER, Stage.KERNEL) == "mm/a.c:9"
    assert symbols.source_of(CALLER - 1, Stage.KERNEL) == "mm/a.c:8"
    assert symbols.source_of(ACCEPT_RIP, Stage.KERNEL) is None


def test_the_second_kernel_has_names_of_its_own(recorded: Run) -> None:
    write_names(recorded.path, {5: Named("one")}, {5: Named("two")})
    symbols = symbols_of_run(recorded, None)
    assert symbols.name_of(5, Stage.KERNEL) == "one"
    assert symbols.name_of(5, Stage.SECOND_USERSPACE) == "two"


def test_a_moved_folder_is_read_the_same(recorded: Run, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "run"
    shutil.copytree(recorded.path, moved)
    write_run_json(moved, replace(recorded.info, kernel=Kernel()))
    assert symbols_of_run(Run.open(moved), None).name_of(CALLER, Stage.KERNEL) == "calls+0x8"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"format": 2}',
        b'{"format": "1"}',
        b'{"format": 1, "first": []}',
        b'{"format": 1, "second": 3}',
        b'{"format": 1, "first": {"0x5": "name"}}',
        b'{"format": 1, "first": {"5": {"symbol": "a"}}}',
        b'{"format": 1, "first": {"0x10000000000000000": {"symbol": "a"}}}',
        b'{"format": 1, "first": {"0x5": {"symbol": 7}}}',
        b'{"format": 1, "first": {"0x5": {"symbol": "a\\u001b[2J"}}}',
        b'{"format": 1, "first": {"0x5": {"symbol": "a\\nb"}}}',
        b'{"format": 1, "first": {"0x5": {"symbol": "a b"}}}',
        b'{"format": 1, "first": {"0x5": {"source": "\\u202egnp.c"}}}',
        b'{"format": 1, "first": {"0x5": {"symbol": null}}}',
        b"[" * 100_000,
        b"9" * 100_000,
    ],
)
def test_a_bad_file_is_one_line(content: bytes, recorded: Run) -> None:
    (recorded.path / FILE).write_bytes(content)
    with pytest.raises(BadInput) as error:
        symbols_of_run(recorded, None)
    line = str(error.value)
    assert str(recorded.path / FILE) in line and "\n" not in line and line.isprintable()


def test_a_fifo_in_its_place_is_one_line(recorded: Run) -> None:
    (recorded.path / FILE).unlink()
    os.mkfifo(recorded.path / FILE)
    with pytest.raises(BadInput, match="not a regular file"):
        symbols_of_run(recorded, None)


def test_a_folder_in_its_place_is_one_line(recorded: Run) -> None:
    (recorded.path / FILE).unlink()
    (recorded.path / FILE).mkdir()
    with pytest.raises(BadInput, match="not a regular file"):
        symbols_of_run(recorded, None)
