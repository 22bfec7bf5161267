# SPDX-License-Identifier: GPL-2.0-only
"""Distributions against numpy over the same values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.measure.latency import histogram
from acceptlab.analysis.measure.latency.histogram import Histograms, bin_of, middle_of

VALUES = st.lists(st.integers(0, 2**44), min_size=1, max_size=300)


@given(VALUES)
def test_percentiles_are_within_their_promise(values: list[int]) -> None:
    histograms = Histograms()
    histograms.add(np.zeros(len(values), np.int64), np.array(values, np.uint64))
    found = histograms.distribution(0)
    assert found is not None
    assert (found.count, found.total, found.max) == (len(values), sum(values), max(values))
    wanted = np.percentile(values, [50, 90, 99, 99.9], method="inverted_cdf")
    for got, right in zip((found.p50, found.p90, found.p99, found.p99_9), wanted, strict=True):
        assert abs(got - right) <= right * 0.008


@given(st.integers(0, 2**52))
def test_a_bin_s_middle_is_in_the_bin(value: int) -> None:
    number = bin_of(np.array([value], np.uint64))
    middle = middle_of(number)
    assert bin_of(middle.astype(np.uint64)) == number
    assert value >= 256 or middle[0] == value


def test_groups_do_not_mix_and_batches_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histogram, "_MERGE_AT", 10)
    chance = np.random.default_rng(1)
    group, value = chance.integers(0, 5, 1000), chance.integers(0, 200, 1000).astype(np.uint64)
    histograms = Histograms()
    for start in range(0, 1000, 37):
        histograms.add(group[start : start + 37], value[start : start + 37])
    for one in range(5):
        found = histograms.distribution(one)
        assert found is not None
        distinct, counts = np.unique(value[group == one], return_counts=True)
        assert dict(found.bins) == dict(zip(distinct.tolist(), counts.tolist(), strict=True))
    assert histograms.distribution(7) is None
