# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab debug`: a recorded run of Debian's kernel comes to the same moment with the same registers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import UNIT_SIZE, Kind, Stage
from tests.boots.conftest import Boot, BootGuest
from tests.boots.test_probes import MACHINE

KEXEC = "--platform tdx --memory 2G --firmware-accepts minimal --seed 3 --append swiotlb=2048 --workload kexec"
"""Ends with a finding (tests/boots/test_second_kernel.py)."""


@pytest.fixture(params=["snp", "tdx"])
def recorded(boot: BootGuest, request: pytest.FixtureRequest) -> Boot:
    return boot("debian:6.12", "--platform", request.param, *MACHINE)


def debug(run: Path, *words: str) -> dict[str, Any]:
    """Return what `acceptlab debug --json` prints."""
    command = [sys.executable, "-m", "acceptlab.toolkit", "debug", str(run), *words, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def accepts(run: Path, stage: Stage) -> list[dict[str, int]]:
    """Return the successful accepts of whole units in a stage."""
    names = ("seq", "kind", "stage", "gpa", "size", "result", "carry", "rip", "vcpu", "clock")
    found = []
    for batch in EventFile(run / "events.parquet").batches(names):
        mine = (batch["kind"] == Kind.ACCEPT) & (batch["stage"] == stage) & (batch["result"] == 0)
        mine &= batch["size"] == UNIT_SIZE
        for at in mine.nonzero()[0].tolist():
            found.append({name: int(batch[name][at]) for name in names})
    return found


def test_an_event_is_the_same_moment_each_time(recorded: Boot) -> None:
    found = accepts(recorded.folder, Stage.KERNEL)
    event = found[len(found) // 2]
    first, second = (debug(recorded.folder, "--at", str(event["seq"])) for _ in range(2))
    assert first == second
    assert (first["vcpu"], first["stage"], first["moment"]) == (
        event["vcpu"], "kernel", f"event #{event['seq']} (accept)",
    )  # fmt: skip
    registers = first["vcpus"][event["vcpu"]]["registers"]
    assert int(registers["rip"], 16) == event["rip"]
    assert "accept_memory" in {
        one["function"].partition("+")[0] for one in first["vcpus"][event["vcpu"]]["stack"]
    }
    page, bitmap = first["page"], first["bitmap"]
    assert (int(page["gpa"], 16), page["state"]) == (event["gpa"], "accepted")
    assert page["events"][-1]["seq"] == event["seq"]
    # Linux clears a unit's bit when the unit is accepted as a whole: not yet.
    assert (
        int(bitmap["first"], 16) + bitmap["unit"] * UNIT_SIZE
        == event["gpa"] // UNIT_SIZE * UNIT_SIZE
    )
    assert bitmap["unaccepted"][bitmap["unit"]]


def test_the_last_accept_of_a_page_is_found(recorded: Boot) -> None:
    event = accepts(recorded.folder, Stage.KERNEL)[0]
    found = debug(
        recorded.folder, "--page", f"{event['gpa'] + event['size'] - 1:#x}", "--last", "accept"
    )
    assert found["moment"].startswith(f"event #{event['seq']} (accept)")
    assert int(found["vcpus"][event["vcpu"]]["registers"]["rip"], 16) == event["rip"]


def test_backwards_and_forwards_are_the_same_moment(recorded: Boot) -> None:
    """The first of two accepts, from the second one and by its number."""
    found = accepts(recorded.folder, Stage.KERNEL)
    event, later = found[0], found[1]
    page = f"{event['gpa']:#x}"
    back = debug(
        recorded.folder, "--at", str(later["seq"]), "--page", page, "--last", "accept"
    )  # fmt: skip
    forth = debug(recorded.folder, "--at", str(event["seq"]), "--page", page)
    assert back["moment"] == f"{forth['moment']}, the last accept of {page}"
    assert {**back, "moment": ""} == {**forth, "moment": ""}


def test_the_lock_is_dropped_during_an_accept_and_held_when_its_bit_is_cleared(
    recorded: Boot,
) -> None:
    found = accepts(recorded.folder, Stage.KERNEL)
    event = found[len(found) // 2]
    page = f"{event['gpa']:#x}"
    accepting = debug(recorded.folder, "--at", str(event["seq"]))["lock"]
    assert (accepting["held"], accepting["by"], accepting["waiting"]) == (False, None, [])
    (mine,) = accepting["accepting"]
    assert mine["vcpu"] == event["vcpu"]
    assert int(mine["start"], 16) <= event["gpa"] < int(mine["end"], 16)
    stored = debug(recorded.folder, "--page", page, "--last", "store")
    (clock, store) = stores_to_bit(recorded, event["gpa"])[-1]
    assert clock > event["clock"]
    assert stored["moment"].startswith(f"event #{store['seq']} (table-store)")
    assert int(stored["vcpus"][store["vcpu"]]["registers"]["rip"], 16) == store["rip"]
    lock = stored["lock"]
    assert (lock["name"], lock["held"], lock["by"]) == (
        "unaccepted_memory_lock", True, store["vcpu"],
    )  # fmt: skip
    assert {**stored, "moment": ""} == {
        **debug(recorded.folder, "--at", str(store["seq"]), "--page", page),
        "moment": "",
    }


def stores_to_bit(run: Boot, gpa: int) -> list[tuple[int, dict[str, int]]]:
    """Return the stores that changed the page's bit, by a look at each byte."""
    table = run.run["handoff"]["bitmap"]
    unit = (gpa - table["phys_base"]) // table["unit_size"]
    names = ("seq", "clock", "kind", "gpa", "size", "result", "detail", "rip", "vcpu")
    found = []
    for batch in EventFile(run.folder / "events.parquet").batches(names):
        for at in (batch["kind"] == Kind.TABLE_STORE).nonzero()[0].tolist():
            one = {name: int(batch[name][at]) for name in names}
            bit = unit - (one["gpa"] - table["table"] - 24) * 8
            if 0 <= bit < one["size"] * 8 and (one["result"] ^ one["detail"]) >> bit & 1:
                found.append((one["clock"], one))
    return found


def test_a_count_of_instructions_is_one_of_the_column_clock(recorded: Boot) -> None:
    event = accepts(recorded.folder, Stage.KERNEL)[-1]
    found = debug(recorded.folder, "--at", f"icount:{event['clock'] + 1}")
    assert found["moment"] == f"{event['clock'] + 1:,} instructions"
    assert (found["stage"], found["vcpu"]) == ("kernel", event["vcpu"])


def test_a_function_is_halted_at_its_first_call(recorded: Boot) -> None:
    found = debug(recorded.folder, "--at", "accept_memory", "--page", "0")
    running = found["vcpus"][found["vcpu"]]
    assert running["function"] == "accept_memory"
    assert running["stack"][0]["at"] == 0
    assert found["page"]["state"] == "accepted"


@pytest.mark.long
def test_a_finding_is_halted_at_its_event(boot: BootGuest) -> None:
    run = boot("debian:6.12", *KEXEC.split())
    (finding,) = run.verdict["findings"]
    found = debug(run.folder, "--at", finding["invariant"])
    seq = max(finding["evidence"]["events"])
    assert found["moment"].startswith(f"event #{seq} ")
    assert finding["title"] in found["moment"]
    assert found["page"]["events"][-1]["seq"] == seq
