# SPDX-License-Identifier: GPL-2.0-only
"""Cost profiles: those that come with acceptlab, and what is wrong with others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.measure.cost_profile import Price, Profile, read_profile

FOLDER = Path(__file__).parents[3] / "data" / "profiles"
SHIPPED = sorted(FOLDER.glob("*.toml"))
GOOD = (FOLDER / "tdx-shutemov-2024.toml").read_text()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_profile_that_comes_with_acceptlab_is_whole(path: Path) -> None:
    profile = read_profile(path)
    assert profile.name == path.stem
    assert profile.name.startswith(profile.platform)
    assert profile.ns("accept", "4K") is not None


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_derived_price_is_what_its_arithmetic_gives(path: Path) -> None:
    for price in read_profile(path).prices:
        if price.evidence == "derived":
            found = re.search(r"([\d.]+) s / ([\d,]+) pages", price.how)
            assert found, price.how
            exact = float(found[1]) * 1e9 / int(found[2].replace(",", ""))
            assert price.ns == pytest.approx(exact, rel=0.001)


def test_both_platforms_have_one() -> None:
    assert {read_profile(path).platform for path in SHIPPED} == {"snp", "tdx"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('platform = "tdx"', 'platform = "arm"', "platform is 'arm'"),
        ('name = "tdx-shutemov-2024"', "", "has no name"),
        ("[[cost]]", "[[price]]", "'price'"),
        ("ns = 2543", "ns = -1", "ns is not a time"),
        ("ns = 2543", "ns = true", "ns is not a time"),
        ("ns = 2543", "us = 2", "'us'"),
        ("vcpus = 4", "vcpus = 0", "vcpus is not a number"),
        ("vcpus = 4", "vcpus = 1", "same operation"),
        ('evidence = "derived"', 'evidence = "heard"', "evidence is 'heard'"),
        ('size = "4K"', 'size = "1G"', "'1G' does not go with accept"),
        ('includes = ["assign", "refused"]', 'includes = ["tea"]', "includes"),
        ("about =", "about", "is not a valid TOML file"),
    ],
)
def test_what_is_wrong_with_a_profile_is_one_line(
    old: str, new: str, says: str, tmp_path: Path
) -> None:
    assert old in GOOD
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(BadInput, match=re.escape(says)) as raised:
        read_profile(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


@given(text=st.text(max_size=200))
def test_no_text_is_a_crash(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8", errors="replace")
    with pytest.raises(BadInput):
        read_profile(path)


def test_between_and_beyond_what_was_measured() -> None:
    prices = [Price("accept", "4K", vcpus, ns, "assumed", "") for vcpus, ns in ((2, 800.0), (8, 200.0))]  # fmt: skip
    profile = Profile("p", "tdx", "", "", (), tuple(prices))
    assert profile.ns("accept", "4K", 1) == profile.ns("accept", "4K", 2) == 800
    assert profile.ns("accept", "4K", 4) == pytest.approx(400)
    assert profile.ns("accept", "4K", 8) == profile.ns("accept", "4K", 512) == 200
    assert profile.ns("accept", "2M") is None
