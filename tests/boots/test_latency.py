# SPDX-License-Identifier: GPL-2.0-only
"""Latencies of a real boot: calls, stalls and the lock, from probes alone."""

from __future__ import annotations

import pytest

from acceptlab.analysis.kernel.symbols import symbols_of_run
from acceptlab.analysis.measure.latency.latencies import Latency, measure
from acceptlab.analysis.run.run_folder import Run
from tests.boots.conftest import Boot, BootGuest
from tests.boots.test_probes import LOCK, MACHINE, WORDS
from tests.toolkit.command_line import invoke

TOGETHER = ["--platform", "tdx", *MACHINE]
"""Two vCPUs, with the probes that every run has."""


def measured(boot: Boot) -> Latency:
    run = Run.open(boot.folder)
    return measure(run, symbols_of_run(run, None))


def test_every_call_of_accept_memory_is_whole_and_the_lock_is_known(boot: BootGuest) -> None:
    run = boot("debian:6.12", *TOGETHER)
    latency = measured(run)
    (calls,) = [row for row in latency.rows if (row.operation, row.by) == ("accept_memory", "")]
    assert "accept_memory" not in latency.unfinished
    assert calls.distribution.count == sum(one.calls for one in latency.stalls) > 100
    (lock,) = latency.locks
    assert lock.name == LOCK and lock.hold is not None
    taken = {one["name"]: one for one in run.verdict["invariants"]}["I8"]["explanation"]
    assert f"taken {lock.taken} times" in taken


def test_a_report_has_a_chapter_of_locks_and_stalls(boot: BootGuest) -> None:
    folder = boot("debian:6.12", *WORDS).folder
    said = invoke(["report", str(folder), "--profile", "tdx-shutemov-2024"])
    assert said.exit_code == 0, said.output
    for words in ("Locks, and vCPUs that wait", "Modelled, not measured", "Stalls"):
        assert words in said.output


@pytest.mark.long
def test_vcpus_that_allocate_at_once_wait_for_each_other_in_convoys(boot: BootGuest) -> None:
    """For the lock, and for ranges that another one is accepting; a host with 4K pages makes it take long."""
    words = "--platform tdx --memory 3G --cpus 4 --host-backing 4K --firmware-accepts minimal --workload together:1536M"
    probes = ("--probe", "accept_memory", "--probe-lock", LOCK)
    latency = measured(boot("debian:6.12", *words.split(), *probes))
    (lock,) = latency.locks
    assert lock.contended is not None and lock.contended.count > 0
    assert lock.convoys.count > 0 and 2 <= lock.convoys.most <= 4


def test_most_accepts_are_known_to_hold_up_somebody(boot: BootGuest) -> None:
    stalls = {str(one.where): one.bytes for one in measured(boot("debian:6.12", *TOGETHER)).stalls}
    assert stalls["allocation"] + stalls["early boot"] > 0.9 * sum(stalls.values())
