# SPDX-License-Identifier: GPL-2.0-only
"""docs/run-folder.md documents every column, every field of the recorded runs, and the JSON forms of commands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.run.run_info import (
    Bitmap,
    Blob,
    DefaultProbes,
    EventsInfo,
    Firmware,
    Handoff,
    Kernel,
    Probe,
    RunInfo,
    SecondKernel,
)
from acceptlab.analysis.run.run_json import FORMAT, to_json
from acceptlab.analysis.trace.schema import (
    ARROW_SCHEMA,
    COLUMNS,
    KIND_NAMES,
    STAGE_NAMES,
    StopReason,
)
from acceptlab.toolkit.places import CHECKOUT
from tests.docs.pages import names_in, sections, text_of, tracked
from tests.toolkit.command_line import invoke

PAGE = text_of("run-folder.md")
PARTS = sections(PAGE)
EVENTS = sections(PARTS["events.parquet"], 3)
RECORDED = sorted(
    [*CHECKOUT.glob("traces/*/run.json"), *CHECKOUT.glob("tests/**/recorded/*/run.json")]
)
EVERYTHING = RunInfo(
    "snp",
    "ns",
    "userspace",
    second=SecondKernel("kexec", Kernel("a")),
    series={"name": "a", "base": "b", "patches": 1, "subject": "c", "commit": "d"},
    handoff=Handoff(((0, 1),), ((0, 1),), ((0, 1),), ((0, 1),), (Blob("a", 0, 1),), Bitmap(0, 0, 1, 1), ((0, 1, 0),)),
    firmware=Firmware("a", memory_map=((0, 1, 7),), kernel_took_over=True, exits=1),
    emulator={"key": "a"},
    attacks=("a",),
    hotplug=("a",),
    relaxations=("a",),
    probes=(Probe("a", 1, ("b",)),),
    default_probes=DefaultProbes(("a",), {"b": "c"}),
    events=EventsInfo(1, True, None, "a"),
    absent=("early",),
)  # fmt: skip
"""A run.json with every field of the code's, in which nothing is null that has members."""


def fields(value: Any, where: str = "") -> Iterator[str]:
    """Every field of a JSON value, as the page names them: ``probes[].name``, ``handoff.ram[][]``."""
    if isinstance(value, dict):
        if where:
            yield where
        for name, one in value.items():
            yield from fields(one, f"{where}.{name}" if where else name)
    elif isinstance(value, list):
        for one in value or [None]:
            yield from fields(one, f"{where}[]")
    else:
        yield where


def leaves(value: Any) -> set[str]:
    """The fields that hold a value; an object that is documented as a whole counts by its members."""
    found = set(fields(value))
    return {one for one in found if not any(other.startswith(f"{one}.") for other in found)}


def documented(where: str, names: set[str]) -> bool:
    """Whether a field is in a table: by its name, with ``*`` for any member, or as an empty list."""
    patterns = [re.escape(name).replace(r"\*", r"[^.\[\]]+") for name in names]
    if any(re.fullmatch(pattern, where) for pattern in patterns):
        return True
    return where.endswith("[]") and any(name.startswith((f"{where}.", f"{where}[]")) for name in names)  # fmt: skip


def undocumented(value: Any, part: str) -> set[str]:
    """The fields that a part of the page does not have."""
    names = names_in(PARTS[part])
    return {one for one in leaves(value) if not documented(one, names)}


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.parent.name)
def test_every_field_of_a_recorded_run_is_documented(path: Path) -> None:
    assert undocumented(json.loads(path.read_text()), "run.json") == set()


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.parent.name)
def test_every_field_of_recorded_symbols_is_documented(path: Path) -> None:
    file = path.with_name("symbols.json")
    if file.exists():
        value = json.loads(file.read_text())
        # The page says of `first` alone what both have: an address is a member, and so are its names.
        first = {
            key: one for names in (value["second"], value["first"]) for key, one in names.items()
        }
        assert undocumented({"format": 1, "first": first}, "symbols.json") == set()


def test_every_field_of_the_code_is_documented() -> None:
    assert undocumented(to_json(EVERYTHING), "run.json") == set()
    assert len(RECORDED) > 8


def test_every_documented_field_is_written_by_something() -> None:
    """Its last name is a key in a program, or a field of the code's."""
    programs = "".join(
        text
        for name, text in tracked()
        if name.startswith(("analysis/", "toolkit/", "emulator/qemu/"))
        and name.endswith((".py", ".c"))
    )
    written = set(re.findall(r'(?<=")[^"\n]*(?=")|(?<=^    )\w+(?=: )', programs, re.MULTILINE))
    for field in names_in(PARTS["run.json"]):
        last = re.sub(r"(\[\]|\.\*)+$", "", field).split(".")[-1]
        assert last in written, field


def test_the_formats_are_those_of_the_code() -> None:
    assert f"version of the format: {FORMAT}" in PARTS["run.json"]
    assert f"all four are {FORMAT}" in PARTS["What is stable"]


def test_the_columns_are_those_of_the_schema() -> None:
    table = PARTS["events.parquet"].split("\n### ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", table, re.MULTILINE)
    assert [name for name, _ in rows] == COLUMNS
    for name, kind in rows:
        told = str(ARROW_SCHEMA.field(name).type)
        assert kind == ("string, dictionary" if told.startswith("dictionary<values=string") else told)  # fmt: skip
        empty = re.search(rf"^\| `{name}` .*null: ", table, re.MULTILINE) is not None
        assert empty == ARROW_SCHEMA.field(name).nullable


def test_the_kinds_and_stages_are_those_of_the_schema() -> None:
    assert re.findall(r"^\| `([\w-]+)` \|", EVENTS["Kinds"], re.MULTILINE) == KIND_NAMES
    assert re.findall(r"^\| `([\w-]+)` \|", EVENTS["Stages"], re.MULTILINE) == STAGE_NAMES
    (reasons,) = re.findall(r"`result` is the reason: ([^|]+) \|", EVENTS["Kinds"])
    assert len(reasons.split(", ")) == len(StopReason) - 1


def test_every_field_of_a_verdict_is_documented() -> None:
    for path in RECORDED:
        verdict = replay_run(path.parent, write=False).to_json()
        assert undocumented(verdict, "verdict.json") == set(), path


COMMANDS = {
    "replay": ["replay", "traces/snp-attack"],
    "replay --page": ["replay", "traces/snp-attack", "--page", "0x28000000"],
    "replay --why": ["replay", "traces/snp-kexec-broken", "--why", "I1"],
    "report --format json": ["report", "traces/tdx-lazy", "--format", "json"],
    "batch": ["batch", "traces/tdx-lazy", "--jobs", "1"],
    "estimate": ["estimate", "traces/tdx-lazy"],
    "export": ["export", "traces/tdx-lazy", "--format", "csv", "--out", "OUT"],
    "import": ["import", "OUT/trace.txt", "--platform", "snp", "--out", "OUT/run"],
    "matrix --plan": ["matrix", "data/sweeps/small.toml", "--plan"],
    "series list": ["series", "list"],
    "series show": ["series", "show", "accept-trace"],
    "doctor": ["doctor"],
}
"""Commands that cost little, to compare their JSON with the table. `run` and others boot or build: see below."""
FROM_SOURCE = {
    "firmware": ["toolkit/cli/firmware.py", "analysis/invariants/firmware_acts.py"],
    "run": ["toolkit/cli/run.py"],
    "run --dry-run": ["toolkit/run/emulator_run.py"],
    "debug": ["analysis/explain/halted_guest.py"],
    "collect": ["toolkit/cli/collect.py"],
    "matrix": ["toolkit/cli/matrix.py", "analysis/report/matrix/sheet.py"],
    "kernel list": ["toolkit/cli/kernel.py", "toolkit/kernels/*.py"],
    "series bench": ["analysis/report/kernels/summary.py"],
    "series export": ["toolkit/cli/series_export.py"],
    "series check": ["toolkit/series/checks/problems.py"],
}


def table_of_commands() -> dict[str, set[str]]:
    """Of every command of the table: the members of its JSON form."""
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| (.+) \|$", PARTS["The JSON forms of commands"], re.MULTILINE)  # fmt: skip
    return {
        command: set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", members)))
        for command, members in rows
    }


def test_every_command_of_the_table_is_compared() -> None:
    assert set(table_of_commands()) == {*COMMANDS, *FROM_SOURCE}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_json_form_has_the_members_that_the_table_names(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.analysis.readers.samples import FTRACE

    monkeypatch.chdir(CHECKOUT)
    (tmp_path / "trace.txt").write_text(FTRACE)
    words = [word.replace("OUT/", f"{tmp_path}/") for word in COMMANDS[command]]
    words = [str(tmp_path / "events.csv") if word == "OUT" else word for word in words]
    done = invoke(words if command == "report --format json" else [*words, "--json"])  # fmt: skip
    value = json.loads(done.stdout)
    one = value[0] if isinstance(value, list) and value else value
    members = table_of_commands()[command]
    assert members <= set(one)
    if command not in ("replay", "matrix --plan"):
        assert set(one) <= members


@pytest.mark.parametrize("command", FROM_SOURCE)
def test_the_members_of_the_others_are_in_their_source(command: str) -> None:
    text = "".join(
        path.read_text() for name in FROM_SOURCE[command] for path in sorted(CHECKOUT.glob(name))
    )
    for member in table_of_commands()[command]:
        assert re.search(rf'"{member}"|^    {member}: ', text, re.MULTILINE), member
