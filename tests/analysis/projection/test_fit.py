# SPDX-License-Identifier: GPL-2.0-only
"""The fit of what a kernel accepts before userspace, and what a projection makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.estimate.estimate import Target, project
from acceptlab.analysis.estimate.estimate_text import as_text
from acceptlab.analysis.estimate.fit import MEMMAP_SHARE, Boot, boot_of, fit
from acceptlab.analysis.measure.cost import measure
from acceptlab.analysis.measure.cost_profile import Price, Profile
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import STAGE_NAMES, UNIT_SIZE, Kind, Stage
from tests.analysis.synthetic import Guest, booted

GIB = 1 << 30
PRICES = (
    Price("accept", "4K", 1, 1000.0, "assumed", "made up"),
    Price("accept", "4K", 4, 250.0, "assumed", "made up"),
)
PROFILE = Profile("tdx-made-up", "tdx", "nothing", "nobody", (), PRICES)


def boot(memory: int, cpus: int, accepted: int, accept: str = "lazy") -> Boot:
    name = f"{memory}-{cpus}"
    return Boot(name, "tdx", accept, "2M", memory * GIB, cpus, 3 * GIB, accepted, accepted)


@given(
    st.integers(GIB, 2 * GIB),
    st.integers(0, 64),
    st.integers(0, 200 << 20),
    st.integers(1, 1000),
    st.integers(1, 512),
)
def test_a_linear_kernel_is_found_again(
    base: int, per_1024: int, per_cpu: int, memory: int, cpus: int
) -> None:
    def accepted(gib: int, vcpus: int) -> int:
        return base + gib * GIB * per_1024 // 1024 + vcpus * per_cpu

    boots = [boot(gib, n, accepted(gib, n)) for gib, n in ((4, 1), (16, 1), (16, 4), (64, 2))]
    found = fit(boots)
    assert found.measured == {"memory", "vCPUs"}
    wanted = accepted(memory, cpus)
    assert found.accepted(memory * GIB, cpus) == pytest.approx(wanted, rel=1e-3, abs=1 << 12)
    assert found.worst < 1e-3


def test_what_runs_do_not_tell_is_assumed_and_said() -> None:
    found = fit([boot(16, 1, GIB)])
    assert found.measured == frozenset()
    assert found.accepted(32 * GIB, 8) == pytest.approx(GIB + 16 * GIB * MEMMAP_SHARE)
    told = project([boot(16, 1, GIB)], Target(32 * GIB, 8, "4K"), PROFILE).assumptions
    assert any("1/64" in text for text in told) and any(
        "no cost per additional vCPU" in text for text in told
    )


def test_operations_and_times_follow_from_the_bytes() -> None:
    found = project([boot(16, 1, GIB)], Target(19 * GIB, 4, "4K"), PROFILE)
    lazy, eager = found.outlooks
    assert (eager.bytes, eager.large, eager.small) == (16 * GIB, 0, 16 * GIB // 4096)
    assert eager.alone == eager.small * 1000.0
    assert eager.together == eager.small * 250.0
    assert lazy.bytes == GIB + int(3 * GIB * MEMMAP_SHARE)


def test_scaling_ends_where_the_figures_end() -> None:
    told = project([boot(16, 1, GIB)], Target(32 * GIB, 64, "4K"), PROFILE)
    assert (
        "More than 4 vCPUs are assumed to accept no faster than 4: no figures are published."
        in told.assumptions
    )
    assert told.outlooks[1].together == told.outlooks[1].small * 250.0


def test_no_price_is_no_time() -> None:
    for outlook in project([boot(16, 1, GIB)], Target(32 * GIB, 4, "2M"), PROFILE).outlooks:
        assert outlook.large and outlook.alone is None and outlook.together is None


def test_nobody_accepts_more_than_there_is() -> None:
    (lazy, eager) = project([boot(16, 1, 9 * GIB)], Target(4 * GIB, 1, "4K"), PROFILE).outlooks
    assert lazy.bytes == eager.bytes == GIB


def test_the_largest_guest_is_told_in_72_columns() -> None:
    text = as_text(project([boot(16, 1, GIB)], Target(12 << 40, 512, "4K"), PROFILE))
    assert max(map(len, text.splitlines())) <= 72
    assert "Modelled, not measured" in text and "12 TiB" in text
    assert text.count("odelled") >= 2


@pytest.mark.parametrize(
    ("boots", "says"),
    [
        ([boot(16, 1, GIB, "eager")], "accept lazy"),
        ([Boot("a", "snp", "lazy", "2M", GIB, 1, 0, 0, 0)], "estimate each platform separately"),
    ],
)
def test_what_cannot_be_projected_is_one_line(boots: list[Boot], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        project(boots, Target(GIB, 1, "4K"), PROFILE)


def test_the_facts_are_those_of_the_trace(tmp_path: Path) -> None:
    guest = booted(platform="tdx", backing="4K")
    run = Run.open(guest.write(tmp_path / "run"))
    found = boot_of(run, measure(run))
    early = [
        one
        for one in guest.records()
        if one["kind"] == Kind.ACCEPT and one["stage"] < Stage.USERSPACE and one["result"] == 0
    ]
    assert found.accepted == sum(int(one["size"]) for one in early)
    assert found.large == sum(int(one["size"]) for one in early if one["size"] == UNIT_SIZE)
    assert (found.memory, found.cpus) == (guest.layout.top, guest.cpus)


def test_a_run_that_did_not_reach_userspace_is_refused(tmp_path: Path) -> None:
    guest = Guest()
    guest.stage(Stage.DECOMPRESSOR)
    guest.end()
    run = Run.open(guest.write(tmp_path / "run"))
    with pytest.raises(BadInput, match="did not reach userspace"):
        boot_of(run, measure(run))
    assert STAGE_NAMES[Stage.USERSPACE] == "userspace"
