# SPDX-License-Identifier: GPL-2.0-only
"""Profiles against what others have published: how far off, written down so that a change is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.profile.read import read_profile
from analysis.projection.check import check, published

FOLDER = Path(__file__).parents[3] / "profiles"
OWN = {
    "tdx-shutemov-2024": (0.99, 1.01),
    "tdx-asterinas-2026": (0.99, 1.01),
    "snp-kalra-2025": (0.99, 1.01),
    "tdx-lkvs-2024": (0.93, 1.34),  # its source's guests differ among themselves
    "tdx-dstack-2026": (0.04, 0.05),  # 8 us a fault, where its source's slow bring-up took 153
}
"""Modelled by published, least and most, over the figures that each profile was made from."""
OTHERS = {
    "tdx-shutemov-2024": (0.01, 1.29),
    "tdx-asterinas-2026": (0.06, 4.69),
    "tdx-lkvs-2024": (0.06, 4.24),
    "tdx-dstack-2026": (0.67, 6.10),
}
"""The same over the figures of others: what a projection is worth. There is none for SNP."""


def factors(name: str, own: bool) -> list[float]:
    return [one.factor for one in check(read_profile(FOLDER / f"{name}.toml")) if one.own is own]


def test_every_profile_is_checked() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(OWN)
    assert {one.of for one in published()} == set(OWN)


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_profile_gives_back_what_it_was_made_from(name: str) -> None:
    low, high = OWN[name]
    found = factors(name, own=True)
    assert found and low <= min(found) and max(found) <= high, found


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_how_far_off_it_is_from_what_others_measured(name: str) -> None:
    found = factors(name, own=False)
    assert (min(found), max(found)) == pytest.approx(OTHERS[name], abs=0.01), found


def test_nothing_checks_the_prices_of_snp() -> None:
    assert factors("snp-kalra-2025", own=False) == []
