# SPDX-License-Identifier: GPL-2.0-only
"""`--probe FUNCTION`: every call of a kernel function and its return, with no help from the guest."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.boots.conftest import Boot, BootGuest

LOCK = "unaccepted_memory_lock"
MACHINE = ["--memory", "2G", "--firmware-accepts", "minimal", "--cpus", "2"]
"""Of most runs here, so that one boot serves many tests; tests/boots/test_stock_kernel.py has it too."""
ALONE = ["--platform", "tdx", *MACHINE[:4]]
"""With one vCPU: two take turns, which end sooner where there are probes."""
WORDS = [*ALONE, "--probe", "accept_memory", "--probe", "start_kernel", "--probe-lock", LOCK]


def probed(boot: Boot) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the probes' names and the events of probes, in order."""
    names = [probe["name"] for probe in boot.run["probes"]]
    columns = ["kind", "detail", "seq", "gpa", "vcpu"]
    table = pq.read_table(boot.folder / "events.parquet", columns=columns)
    return names, [
        row for row in table.to_pylist() if row["kind"] in ("probe-enter", "probe-return")
    ]


def test_each_return_belongs_to_a_call(boot: BootGuest) -> None:
    run = boot("debian:6.12", *WORDS)
    names, events = probed(run)
    accept = names.index("accept_memory")
    open_calls, calls = Counter[int](), 0
    for event in (event for event in events if event["detail"] == accept):
        open_calls[event["vcpu"]] += 1 if event["kind"] == "probe-enter" else -1
        assert open_calls[event["vcpu"]] in (0, 1)
        calls += 1
    assert not open_calls.total()
    assert calls > 100  # the kernel accepts more than 100 MiB on its way to userspace
    named = json.loads((run.folder / "symbols.json").read_text())["first"].values()
    assert {"symbol": "accept_memory"} in named


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


def test_a_probed_lock_decides_the_invariants_that_need_it(boot: BootGuest) -> None:
    results = {one["name"]: one for one in boot("debian:6.12", *WORDS).verdict["invariants"]}
    assert results["I8"]["status"] == results["I5"]["status"] == "holds"
    taken = int(results["I8"]["explanation"].split("was taken ")[1].split()[0])
    assert taken > 100


def test_only_calls_with_the_probed_lock_are_recorded(boot: BootGuest) -> None:
    run = boot("debian:6.12", *WORDS)
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
    with_probes = boot("debian:6.12", *WORDS)
    without = boot("debian:6.12", *ALONE, "--no-default-probes")
    accepted = []
    for run in (with_probes, without):
        table = pq.read_table(run.folder / "events.parquet", columns=["kind", "gpa", "size"])
        accepted.append(
            [(row["gpa"], row["size"]) for row in table.to_pylist() if row["kind"] == "accept"]
        )
    assert accepted[0] == accepted[1]


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_every_run_decides_the_invariants_that_take_a_probe(boot: BootGuest, platform: str) -> None:
    words = ["--platform", platform, *MACHINE]
    run = boot("debian:6.12", *words)
    results = {one["name"]: one["status"] for one in run.verdict["invariants"]}
    assert results["I5"] == results["I8"] == "holds"
    assert run.verdict["not_decided"] == []
    assert run.run["default_probes"]["watched"] == ["accept_memory", LOCK]
    without = boot("debian:6.12", *words, "--no-default-probes")
    assert without.run["probes"] == [] and "I8" in without.verdict["not_decided"]


@pytest.mark.long
def test_counts_agree_with_probes_by_stage(boot: BootGuest) -> None:
    """And a function that is not executed is counted as such."""
    functions = ("accept_memory", "start_kernel", "panic", "handle_mm_fault")
    words = [word for name in functions for word in ("--count", name)]
    found = boot("debian:6.12", *WORDS, *words)
    columns = ["kind", "detail", "stage"]
    events = pq.read_table(found.folder / "events.parquet", columns=columns).to_pylist()
    names = [probe["name"] for probe in found.run["probes"]]
    entered = [one for one in events if one["kind"] == "probe-enter"]

    def by_stage(name: str) -> Counter[str]:
        return Counter(one["stage"] for one in entered if one["detail"] == names.index(name))

    counted = {one["name"]: one["executed"] for one in found.run["report"]["counts"]}
    assert counted.pop("handle_mm_fault").keys() == {"kernel", "userspace"}
    assert counted == {
        "accept_memory": by_stage("accept_memory"),
        "start_kernel": {"kernel": 1},
        "panic": {},
    }
