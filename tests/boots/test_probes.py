# SPDX-License-Identifier: GPL-2.0-only
"""`--probe FUNCTION`: every call of a kernel function and its return, with no help from the guest."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acceptlab.toolkit.places import CHECKOUT
from tests.boots.conftest import Boot, BootGuest

WORDS = [
    "--platform",
    "tdx",
    "--memory",
    "2G",
    "--firmware-accepts",
    "minimal",
    "--probe",
    "accept_memory",
    "--probe",
    "start_kernel",
]


def probed(boot: Boot) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the probes' names and the events of probes, in order."""
    names = [probe["name"] for probe in boot.run["probes"]]
    table = pq.read_table(boot.folder / "events.parquet", columns=["kind", "detail", "seq", "gpa"])
    return names, [
        row for row in table.to_pylist() if row["kind"] in ("probe-enter", "probe-return")
    ]


def test_each_return_belongs_to_a_call(boot: BootGuest) -> None:
    names, events = probed(boot("debian:6.12", *WORDS))
    accept = names.index("accept_memory")
    open_calls = calls = 0
    for event in (event for event in events if event["detail"] == accept):
        open_calls += 1 if event["kind"] == "probe-enter" else -1
        assert open_calls in (0, 1)
        calls += 1
    assert open_calls == 0
    assert calls > 100  # the kernel accepts more than 100 MiB on its way to userspace


def test_the_kernel_is_probed_from_its_start(boot: BootGuest) -> None:
    names, events = probed(boot("debian:6.12", *WORDS))
    starts = [event for event in events if event["detail"] == names.index("start_kernel")]
    assert [event["kind"] for event in starts] == ["probe-enter"]
    assert starts[0]["seq"] == min(event["seq"] for event in events)


def test_what_the_kernel_says_of_its_arguments_is_recorded(boot: BootGuest) -> None:
    """Debian's tells by its BTF."""
    accept, start, *_ = boot("debian:6.12", *WORDS).run["probes"]
    assert accept["arguments"] == ["start", "size"]
    assert start["arguments"] == []


LOCK = "unaccepted_memory_lock"
LOCK_WORDS = [*WORDS[:6], "--cpus", "2", "--probe", "accept_memory", "--probe-lock", LOCK]


def test_a_probed_lock_decides_the_invariants_that_need_it(boot: BootGuest) -> None:
    results = {one["name"]: one for one in boot("debian:6.12", *LOCK_WORDS).verdict["invariants"]}
    assert results["I8"]["status"] == results["I5"]["status"] == "holds"
    taken = int(results["I8"]["explanation"].split("was taken ")[1].split()[0])
    assert taken > 100


def test_only_calls_with_the_probed_lock_are_recorded(boot: BootGuest) -> None:
    run = boot("debian:6.12", *LOCK_WORDS)
    names, events = probed(run)
    lock = next(probe["address"] for probe in run.run["probes"] if probe["name"] == LOCK)
    here = (lock + int(run.run["report"]["kaslr_offset"], 0)) % (1 << 64)
    balance = 0
    for event in events:
        if event["kind"] == "probe-enter" and "spin" in names[event["detail"]]:
            assert event["gpa"] == here
            balance += -1 if "unlock" in names[event["detail"]] else 1
    assert balance == 0


def test_probes_do_not_change_what_is_accepted(boot: BootGuest) -> None:
    plain = [word for word in WORDS if word not in ("--probe", "accept_memory", "start_kernel")]
    plain.append("--no-default-probes")
    with_probes, without = boot("debian:6.12", *WORDS), boot("debian:6.12", *plain)
    accepted = []
    for run in (with_probes, without):
        table = pq.read_table(run.folder / "events.parquet", columns=["kind", "gpa", "size"])
        accepted.append(
            [(row["gpa"], row["size"]) for row in table.to_pylist() if row["kind"] == "accept"]
        )
    assert accepted[0] == accepted[1]


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_every_run_decides_the_invariants_that_take_a_probe(boot: BootGuest, platform: str) -> None:
    words = ["--platform", platform, *WORDS[2:6], "--cpus", "2"]
    run = boot("debian:6.12", *words)
    results = {one["name"]: one["status"] for one in run.verdict["invariants"]}
    assert results["I5"] == results["I8"] == "holds"
    assert run.verdict["not_decided"] == []
    assert run.run["default_probes"]["watched"] == ["accept_memory", LOCK]
    without = boot("debian:6.12", *words, "--no-default-probes")
    assert without.run["probes"] == [] and "I8" in without.verdict["not_decided"]


def test_default_probes_are_the_same_in_every_run(boot: BootGuest, tmp_path: Path) -> None:
    words = ["--platform", "tdx", *WORDS[2:6], "--cpus", "2"]
    first = boot("debian:6.12", *words)
    command = [str(CHECKOUT / "acceptlab"), "run", "debian:6.12", *words, "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    events = [(folder / "events.parquet").read_bytes() for folder in (first.folder, tmp_path)]
    assert events[0] == events[1]
