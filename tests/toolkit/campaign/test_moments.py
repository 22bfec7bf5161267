# SPDX-License-Identifier: GPL-2.0-only
"""The moments of a campaign: every act at every kind of moment, on a page that fits it."""

from __future__ import annotations

import pytest

from acceptlab.analysis.trace.schema import Stage
from acceptlab.toolkit.campaign.moments import Accept, acts_on, moments_of
from acceptlab.toolkit.errors import BadInputError

EARLY = Accept(0x1000, Stage.DECOMPRESSOR, "(decompressor)")
KERNEL = Accept(0x200000, Stage.KERNEL, "memblock_alloc")
OTHER = Accept(0x400000, Stage.KERNEL, "memblock_alloc")
LATE = Accept(0x600000, Stage.USERSPACE, "get_page_from_freelist")
ALL = [EARLY, KERNEL, OTHER, LATE]


def attacks(
    sample: int | None = None, seed: int = 1, acts: tuple[str, ...] = ("remap",)
) -> list[tuple[str, str]]:
    return [(one.kind, one.attack) for one in moments_of(ALL, "snp", acts, sample, seed)]


def test_every_kind_of_moment_has_a_page_that_fits_it() -> None:
    found = dict(attacks())
    assert found["after accept in decompressor by (decompressor)"] == "accepted remap 0x1000"
    assert found["after accept in kernel by memblock_alloc"] in {
        f"accepted remap {one.gpa:#x}" for one in (KERNEL, OTHER)
    }
    assert found["after accept in userspace by get_page_from_freelist"] == "accepted remap 0x600000"
    assert found["at userspace, accepted later"] == "userspace remap 0x600000"
    assert found["at kernel, accepted before"] == "kernel remap 0x1000"
    assert "at decompressor, accepted before" not in found


def test_an_act_on_calls_comes_once_in_each_stage() -> None:
    found = attacks(acts=("psc-error",))
    assert [attack for _, attack in found] == [
        "decompressor psc-error 1", "kernel psc-error 1", "userspace psc-error 1"
    ]  # fmt: skip


def test_a_sample_has_as_many_of_each_act_and_follows_the_seed() -> None:
    acts = ("remap", "unassign")
    first = attacks(5, 1, acts)
    assert len(first) == 10
    assert attacks(5, 1, acts) == first
    assert attacks(5, 2, acts) != first
    assert {attack.split()[1] for _, attack in first} == set(acts)


def test_a_guest_that_accepts_nothing_is_no_campaign_but_calls_can_be_refused() -> None:
    with pytest.raises(BadInputError, match="no page can be attacked: give it more --memory"):
        moments_of([], "snp", ["remap", "psc-error"], None, 1)
    assert len(moments_of([], "snp", ["psc-error"], None, 1)) == 3


def test_acts_are_those_of_the_platform() -> None:
    assert acts_on("snp", ()) == [
        "remap",
        "remap-back",
        "reassign",
        "unassign",
        "psc-error",
        "psc-rewind",
    ]
    with pytest.raises(BadInputError, match="--act busy: a snp host has remap"):
        acts_on("snp", ["busy"])
