# SPDX-License-Identifier: GPL-2.0-only
"""The form of every series below patches/: what a list would send back at once."""

from __future__ import annotations

import email
import re
from email.utils import parseaddr
from functools import cache

import pytest

from acceptlab.toolkit.kernels.kernel_config import TARGETS
from acceptlab.toolkit.series.bundled import HOME, own_series
from acceptlab.toolkit.series.message import Message
from acceptlab.toolkit.series.series_source import Series
from acceptlab.toolkit.series.series_spec import FILE

NAMES = sorted(path.parent.name for path in HOME.glob(f"*/*/{FILE}"))
MOST_PATCHES = 20
COLUMNS = 75
"""How wide a commit message may be (Documentation/process/submitting-patches.rst)."""
COVER_COLUMNS = 72
_TAG = re.compile(r"^(Signed-off-by|Reviewed-by|Acked-by|Tested-by|Co-developed-by):", re.MULTILINE)


def message_of(patch: Message) -> str:
    """Return a patch's commit message, without its subject."""
    return patch.text.split("\n---\n", 1)[0]


@cache
def all_series() -> dict[str, Series]:
    return {series.spec.name: series for series in own_series()}


def test_each_folder_is_a_series_of_its_name() -> None:
    assert sorted(all_series()) == NAMES != []


@pytest.mark.parametrize("name", NAMES)
def test_a_series_is_whole(name: str) -> None:
    series = all_series()[name]
    assert 1 <= len(series.patches) <= MOST_PATCHES
    assert [patch.number for patch in series.patches] == list(range(1, len(series.patches) + 1))
    if series.spec.config is not None:  # else it is by what the base's tree has
        assert series.spec.config.target in TARGETS
        assert all(fragment.is_file() for fragment in series.spec.config.fragments)
    assert series.cover is not None
    assert max(map(len, series.cover.text.splitlines())) <= COVER_COLUMNS


@pytest.mark.parametrize("name", NAMES)
def test_a_patch_argues_and_names_nobody(name: str) -> None:
    for patch in all_series()[name].patches:
        argues_and_names_nobody(name, patch)


def argues_and_names_nobody(name: str, patch: Message) -> None:
    header = patch.raw.split(b"\n", 1)[1] if patch.raw.startswith(b"From ") else patch.raw
    assert parseaddr(email.message_from_bytes(header)["From"]) == (
        "acceptlab",
        "acceptlab@localhost",
    )
    text = message_of(patch)
    assert len(text.split()) > 20, f"{name}: {patch.subject}: no reasons given"
    # A Fixes tag is not wrapped (submitting-patches.rst, "Describe your changes").
    lines = [line for line in text.splitlines() if not line.startswith("Fixes: ")]
    assert max(map(len, lines)) <= COLUMNS
    assert not _TAG.search(text)
