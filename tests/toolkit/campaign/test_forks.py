# SPDX-License-Identifier: GPL-2.0-only
"""Which injections of a campaign go on from a saved guest, and from which."""

from __future__ import annotations

from pathlib import Path

from acceptlab.analysis.trace.schema import Stage
from acceptlab.toolkit.campaign.forks import clocks_for, nearest
from acceptlab.toolkit.campaign.moments import Accept, Moment, clock_of
from acceptlab.toolkit.run.saved_guest import SavedGuest

WHOLE = 2_000_000_000
EARLY, MIDDLE, LATE = 100_000_000, 1_000_000_000, 1_990_000_000


def test_early_moments_are_booted() -> None:
    assert clocks_for([EARLY, EARLY], WHOLE) == []


def test_a_guest_is_saved_before_the_first_moment_of_each_part() -> None:
    clocks = clocks_for([LATE, MIDDLE, EARLY, MIDDLE + 1, LATE + 1000], WHOLE)
    assert len(clocks) == 2
    assert clocks == sorted(clocks)
    for clock, moment in zip(clocks, (MIDDLE, LATE), strict=True):
        assert moment - WHOLE // 8 < clock < moment


def test_the_last_guest_before_the_moment_is_taken() -> None:
    saved = [SavedGuest(Path(str(clock)), clock) for clock in (10, 20, 30)]
    assert nearest(saved, 25) == saved[1]
    assert nearest(saved, 20) == saved[0], "the moment may come before the guest was saved"
    assert nearest(saved, 10) is None
    assert nearest([], 10) is None


def test_a_moment_comes_with_the_first_accept_of_the_page_or_with_the_stage() -> None:
    accepts = [
        Accept(0x200000, Stage.KERNEL, "f", 500, 0x200000),
        Accept(0x201000, Stage.USERSPACE, "f", 900, 0x1000),
    ]
    stages = {"userspace": 800}

    def clock(attack: str) -> int:
        return clock_of(Moment("", "", attack), accepts, stages)

    assert clock("accepted remap 0x201000") == 500
    assert clock("userspace remap 0x201000") == 800
    assert clock("accepted remap 0x600000") == clock("kernel remap 0x201000") == 0
