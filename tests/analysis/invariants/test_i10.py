# SPDX-License-Identifier: GPL-2.0-only
"""I10: the kernel's counters follow what is accepted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.trace.schema import UNIT_SIZE, Stage
from tests.analysis.invariants.guests import SPARE, at, finished, replay
from tests.analysis.synthetic import BLOCK, MIB, Guest, Layout


def test_a_block_is_counted_until_its_guard_unit_is_accepted(tmp_path: Path) -> None:
    """A whole block that is accepted itself stays on the kernel's list for its neighbour's sake."""
    guest = Guest()
    guest.boot()
    # As early allocations leave it: a guard_verdict request that ends on a block's border.
    guest.accept_memory(at(guest, 40 * MIB), BLOCK - UNIT_SIZE)
    verdict = replay(finished(guest), tmp_path)
    status = {one.name: one.status.value for one in verdict.invariants}
    assert status["I10"] == "holds"


def counter_status(policy: str, folder: Path, vmstat_of: float = 1.0) -> str:
    """What I10 says of a guest in which 40 MiB are accepted after its last count."""
    guest = Guest(layout=Layout(32 * MIB, 128 * MIB))
    guest.boot()
    guest.meminfo("end")
    pages = int(guest.console[-1].partition("nr_unaccepted=")[2].split()[0])
    told = guest.console[-1]
    guest.console[-1] = told.replace(
        f"nr_unaccepted={pages}", f"nr_unaccepted={int(pages * vmstat_of)}"
    )
    guest.accept_memory(at(guest, 40 * MIB), 40 * MIB)
    guest.end()
    machine = replace(guest.info().machine, accept=policy)
    invariants = replay_run(guest.write(folder / "run", machine=machine)).invariants
    return next(one.status.value for one in invariants if one.name == "I10")


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        ("lazy", "broken"),
        ("deferred", "holds"),
        ("lazy+deferred", "holds"),
        ("deferred:4", "holds"),
    ],
)
def test_a_background_policy_may_accept_after_the_last_count(
    policy: str, status: str, tmp_path: Path
) -> None:
    assert counter_status(policy, tmp_path) == status


def test_two_counters_are_read_one_after_the_other(tmp_path: Path) -> None:
    assert counter_status("deferred", tmp_path, vmstat_of=0.9) == "holds"


@pytest.mark.parametrize("blocks", [1, 5])
def test_the_counter_is_not_blamed_for_bits_that_were_cleared_too_early(
    blocks: int, tmp_path: Path
) -> None:
    """It follows the bitmap: what I4 tells of explains it."""
    guest = Guest()
    guest.boot()
    guest.bits[SPARE // UNIT_SIZE : SPARE // UNIT_SIZE + 2 * min(blocks, 2)] = False
    guest.bits[0 : 2 * max(blocks - 2, 0)] = False
    found = {one.invariant for one in replay(finished(guest), tmp_path).findings}
    assert found == {"I4"}


def test_the_counter_is_not_blamed_for_bits_that_stay_set(tmp_path: Path) -> None:
    guest = Guest(accept="eager")
    guest.boot()
    guest.clock += 1 << 30
    guest.bits[:30] = True
    found = {one.invariant for one in replay(finished(guest), tmp_path).findings}
    assert found == {"I4"}


def test_a_counter_that_is_wrong_by_more_than_the_bits_is_blamed(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    guest.bits[SPARE // UNIT_SIZE] = False
    guest.meminfo("middle", extra_blocks=40)
    found = {one.invariant for one in replay(finished(guest), tmp_path).findings}
    assert found == {"I4", "I10"}


def listed_though_accepted(extra_blocks: int, folder: Path, *probes: str) -> str:
    """What I10 says of a kernel with two blocks more on its list than what is unaccepted shows, plus more of them.

    Of one, an early allocation accepted the second unit, and the guard unit of the block before it was the first: nothing
    of it is unaccepted, but the allocator never took it off its list. The other lies before all unaccepted memory.
    """
    guest = Guest(probes=probes)
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    block = at(guest, 24 * MIB)
    guest.accept_memory(block + UNIT_SIZE, UNIT_SIZE)
    guest.accept_memory(block - BLOCK, BLOCK)
    guest.stage(Stage.USERSPACE)
    guest.meminfo("start", extra_blocks=2 + extra_blocks)
    guest.work()
    guest.end()
    invariants = replay_run(guest.write(folder / "run")).invariants
    return next(one.status.value for one in invariants if one.name == "I10")


@pytest.mark.parametrize(("extra_blocks", "status"), [(0, "holds"), (1, "broken")])
def test_a_block_that_others_accepted_stays_on_the_list(
    extra_blocks: int, status: str, tmp_path: Path
) -> None:
    """As Debian's 6.16.3 has it after a boot as TD with seed 3."""
    assert listed_though_accepted(extra_blocks, tmp_path, "accept_memory") == status


@pytest.mark.parametrize(("extra_blocks", "status"), [(0, "holds"), (1, "holds"), (2, "broken")])
def test_without_a_probe_some_such_blocks_are_allowed(
    extra_blocks: int, status: str, tmp_path: Path
) -> None:
    assert listed_though_accepted(extra_blocks, tmp_path) == status


def test_a_request_of_another_size_takes_no_block_off_the_list(tmp_path: Path) -> None:
    """An early allocation at a block's start: its guard unit is the block's other one, and the unit behind is not accepted."""
    guest = Guest(probes=("accept_memory",))
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    guest.accept_memory(at(guest, 24 * MIB), UNIT_SIZE)
    guest.accept_memory(at(guest, 8 * MIB), BLOCK)
    guest.stage(Stage.USERSPACE)
    guest.meminfo("start", extra_blocks=1)  # that before all unaccepted memory
    guest.end()
    invariants = replay_run(guest.write(tmp_path / "run")).invariants
    assert {one.name: one.status.value for one in invariants}["I10"] == "holds"


NODES = ((0, 48 * MIB, 0), (48 * MIB, 80 * MIB, 1))
"""The guest's memory from 32 MiB to 128 MiB is unaccepted at first: 16 MiB of node 0 and 80 MiB of node 1."""
WHOLE, OF_NODE_1 = 16 << 10, 80 << 10


@pytest.mark.parametrize(
    ("said", "broken"),
    [
        ((WHOLE, OF_NODE_1), False),
        ((OF_NODE_1, WHOLE), True),  # right in sum, and of the wrong nodes
        ((WHOLE, OF_NODE_1 - (12 << 10)), True),
        ((WHOLE + (16 << 10), OF_NODE_1), True),
        ((WHOLE + (8 << 10), OF_NODE_1), False),  # two blocks that nobody saw taken
    ],
)
def test_the_counters_of_nodes(tmp_path: Path, said: tuple[int, int], broken: bool) -> None:
    guest = Guest(layout=Layout(32 * MIB, 128 * MIB))
    guest.stage(Stage.DECOMPRESSOR)
    guest.stage(Stage.KERNEL)
    guest.stage(Stage.USERSPACE)
    guest.meminfo("start")
    guest.console += [
        f"ACCEPTLAB node={node} Unaccepted={kib} label=start" for node, kib in enumerate(said)
    ]
    guest.meminfo("end")
    guest.end()
    handoff = replace(guest.info().handoff, nodes=NODES)
    verdict = replay(guest, tmp_path, handoff=handoff)
    titles = {one.title for one in verdict.findings}
    assert titles == (
        {"the kernel's count of a node's unaccepted memory is wrong"} if broken else set()
    )


def test_a_node_that_run_json_does_not_know_is_not_judged(tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    guest.console.append("ACCEPTLAB node=7 Unaccepted=4 label=start")
    assert replay(finished(guest), tmp_path).findings == []
