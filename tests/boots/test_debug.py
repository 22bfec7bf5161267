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
