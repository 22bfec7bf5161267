# SPDX-License-Identifier: GPL-2.0-only
"""Profiles against what others have published: which figures can check them, and how far off they are from those."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.estimate.profile_check import Checked, Standing, check, published
from acceptlab.analysis.measure.cost_profile import read_profile

FOLDER = Path(__file__).parents[3] / "data" / "profiles"
PROFILES = {path.stem for path in FOLDER.glob("*.toml")}
CHECKED = {"tdx-lkvs-2024": [0.94, 1.33]}
"""Modelled by published, of the figures of the same host from which no price was computed. No other host has any."""


def of(name: str, standing: Standing) -> list[Checked]:
    return [one for one in check(read_profile(FOLDER / f"{name}.toml")) if one.standing is standing]


def test_every_figure_is_of_a_profile() -> None:
    assert {one.of for one in published()} == PROFILES


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_profile_gives_back_what_its_prices_were_computed_from(name: str) -> None:
    given_back = [one.factor for one in of(name, Standing.IN_PRICES)]
    assert given_back == pytest.approx([1.0] * len(given_back), abs=0.01)
    assert given_back or name == "tdx-dstack-2026"  # whose price is published as such


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_how_far_off_it_is_from_the_other_figures_of_its_host(name: str) -> None:
    factors = sorted(one.factor for one in of(name, Standing.CHECKS))
    assert factors == pytest.approx(CHECKED.get(name, []), abs=0.01)


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_what_cannot_check_it_says_why(name: str) -> None:
    others = of(name, Standing.NOT_COMPARABLE)
    assert all(one.why for one in others)
    hosts = {one.boot.of for one in others if one.why.startswith("another host")}
    assert name not in hosts
    assert bool(hosts) == name.startswith("tdx")  # of SNP there is one host


def test_a_time_that_is_not_acceptance_alone_checks_no_price() -> None:
    (bring_up,) = [
        one
        for one in of("tdx-dstack-2026", Standing.NOT_COMPARABLE)
        if one.boot.of == "tdx-dstack-2026"
    ]
    assert "fault" in bring_up.why
