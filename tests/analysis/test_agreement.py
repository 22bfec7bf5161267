# SPDX-License-Identifier: GPL-2.0-only
"""Where run.json and the events disagree, nothing is clean and nothing is a finding about the guest."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import Kind, Stage
from tests.analysis.synthetic import MIB, Guest, Records, booted
from tests.mutation.traces.falsify import drop

Json = dict[str, Any]


def broken(platform: str) -> Guest:
    """A guest that accepts a block twice."""
    guest = Guest(platform)
    guest.boot()
    block = next(row for row in reversed(guest.rows) if row[9] == Kind.ACCEPT)
    guest.event(Kind.ACCEPT, block[2], block[3], carry=block[11])
    guest.end()
    return guest


def written(guest: Guest, folder: Path) -> Json:
    guest.probes = ("accept_memory",)
    parsed: Json = json.loads((guest.write(folder) / "run.json").read_text())
    return parsed


def told(data: Json, folder: Path) -> Verdict | None:
    """The verdict with another run.json; None where that is refused."""
    (folder / "run.json").write_text(json.dumps(data))
    try:
        return judge(Run.open(folder))
    except BadInput:
        return None


def at(data: Json, *path: str | int) -> Any:
    for key in path:
        data = data[key]
    return data


LIES: dict[str, tuple[tuple[str | int, ...], Any, str]] = {
    "less RAM": (("handoff", "ram", 1, 1), 91 * MIB, "disagree about RAM"),
    "more RAM": (("handoff", "ram", 1, 1), 97 * MIB, "disagree about RAM"),
    "not RAM": (("handoff", "ram"), [], "disagree about RAM"),
    "less accepted": (("handoff", "accepted", 1, 1), 29 * MIB, "disagree about accepted memory"),
    "more accepted": (("handoff", "accepted", 1, 1), 35 * MIB, "disagree about accepted memory"),
    "less unaccepted": (("handoff", "unaccepted", 0, 1), 60 * MIB, "does not cover its RAM"),
    "nothing unaccepted": (("handoff", "unaccepted"), [], "does not cover its RAM"),
    "more unaccepted": (("handoff", "unaccepted", 0), [30 * MIB, 66 * MIB], "both accepted and unaccepted"),
    "less memory": (("machine", "memory"), 64 * MIB, "bytes of memory"),
    "more memory": (("machine", "memory"), 192 * MIB, "bytes of memory"),
    "one vCPU": (("machine", "cpus"), 1, "run.json has 1 vCPUs"),
    "no bitmap": (("handoff", "bitmap"), None, "run.json has none"),
    "a larger bitmap": (("handoff", "bitmap", "size"), 64, "in run.json 64"),
    "a bitmap of lower memory": (("handoff", "bitmap", "phys_base"), 16 * MIB, "as unaccepted"),
    "a bitmap of larger units": (("handoff", "bitmap", "unit_size"), 4 * MIB, "as unaccepted"),
    "a table elsewhere": (("handoff", "blobs", 0, "start"), 1 * MIB, "and its bitmap in a table at 0x200000"),
    "a bitmap of another table": (("handoff", "bitmap", "table"), 16 * MIB, "and its bitmap in a table at 0x1000000"),
    "an outcome": (("outcome",), "panic", "did not run to completion"),
    "ftrace": (("source",), "ftrace", "inside the guest"),
    "fewer events": (("events", "count"), 12, "run.json counts 12 events"),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_a_lie_about_a_clean_run_is_seen(lie: str, platform: str, tmp_path: Path) -> None:
    data = written(booted(platform=platform), tmp_path)
    path, value, says = LIES[lie]
    at(data, *path[:-1])[path[-1]] = value
    found = told(data, tmp_path)
    assert found is not None
    assert (found.verdict, found.findings) == ("undecided", [])
    assert any(says in reason for reason in found.reasons), found.reasons


@pytest.mark.parametrize(("platform", "other"), [("snp", "tdx"), ("tdx", "snp")])
def test_another_platform_is_seen(platform: str, other: str, tmp_path: Path) -> None:
    for number, guest in enumerate((booted(platform=platform), broken(platform))):
        data = written(guest, tmp_path / str(number))
        data["platform"] = other
        found = told(data, tmp_path / str(number))
        assert found is not None and (found.verdict, found.findings) == ("undecided", [])
        assert f"of platform {platform}" in str(found.reasons)


def test_probes_that_run_json_lacks_are_seen(tmp_path: Path) -> None:
    data = json.loads((booted(probes=("accept_memory",)).write(tmp_path) / "run.json").read_text())
    honest, found = told(data, tmp_path), told({**data, "probes": []}, tmp_path)
    assert honest is not None and honest.verdict == "clean"
    assert found is not None and found.verdict == "undecided"
    assert "run.json has 0 probes" in str(found.reasons)


def test_userspace_that_no_event_is_of_is_seen(tmp_path: Path) -> None:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    guest.end()
    found = judge(Run.open(guest.write(tmp_path)))
    assert any("no event is of userspace" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (Kind.LAUNCH, "has another state than the events"),
        (Kind.RAM, "disagree about RAM"),
        (Kind.STAGE, "without a stage event before it"),
        (Kind.BITMAP, "and no event of it"),
    ],
)
@pytest.mark.parametrize("guest", [booted, lambda: broken("snp")])
def test_events_that_are_missing_without_a_gap_are_seen(
    guest: Callable[[], Guest], kind: Kind, says: str, tmp_path: Path
) -> None:
    def without(records: Records) -> Records:
        places = [place for place, one in enumerate(records["kind"]) if one == kind]
        return drop(records, places[1])

    found = judge(Run.open(guest().write(tmp_path, without)))
    assert (found.verdict, found.findings) == ("undecided", [])
    assert any(says in reason for reason in found.reasons), found.reasons


# --- at random --------------------------------------------------------------------------------

FREE = {
    "blobs",
    "reproduce",
    "command_line",
    "reason",
    "name",
    "version",
    "sha256",
    "path",
    "vmlinux",
}
"""Keys of which the events tell nothing: texts, and where in its RAM firmware left data for the kernel."""


def leaves(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(data, dict) and data:
        return [one for key, value in data.items() for one in leaves(value, (*path, key))]
    if isinstance(data, list) and data:
        return [one for key, value in enumerate(data) for one in leaves(value, (*path, key))]
    return [path]


def another(value: Any, chance: random.Random) -> Any:
    """Another value of the same kind, or none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        step = chance.choice([1, 4096, 2 * MIB, 4 * MIB, 32 * MIB])
        return chance.choice([0, max(value - step, 0), value + step, value * 2])
    if isinstance(value, str):
        words = ["snp", "tdx", "4K", "2M", "eager", "lazy", "ftrace", "ebpf", "ns", "userspace"]
        return chance.choice([*words, "panic", "demand", "advance", ""])
    return chance.choice([None, [], {}, 1])


def lies(count: int, seed: int, folder: Path) -> None:
    """No lie on run.json makes a finding of a clean run, or a clean run of one with a finding."""
    chance = random.Random(seed)
    for number in range(count):
        platform = chance.choice(["snp", "tdx"])
        guest = chance.choice([lambda: booted(platform=platform), lambda: broken(platform)])()  # noqa: B023
        place = folder / str(number)
        data = written(guest, place)
        before = told(data, place)
        assert before is not None
        path = chance.choice([one for one in leaves(data) if not FREE & {str(key) for key in one}])
        changed = copy.deepcopy(data)
        at(changed, *path[:-1])[path[-1]] = another(at(data, *path), chance)
        after = told(changed, place)
        if after is not None:
            found = (before.verdict, after.verdict)
            assert found not in (("clean", "findings"), ("findings", "clean")), (path, at(changed, *path))  # fmt: skip


def test_lies_at_random(tmp_path: Path) -> None:
    lies(10, 1, tmp_path)


@pytest.mark.long
def test_five_hundred_lies(tmp_path: Path) -> None:
    lies(500, 2, tmp_path)
