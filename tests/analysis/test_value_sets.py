# SPDX-License-Identifier: GPL-2.0-only
"""Columns as sets: the answers are numpy's, for empty columns and empty sets as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import Kind
from acceptlab.analysis.trace.value_sets import among, counts_of, distinct, table_of

VALUES = st.lists(st.integers(0, 9), max_size=9)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.uint64])
@given(values=VALUES)
def test_distinct_values_are_numpy_s(kind: type[np.generic], values: list[int]) -> None:
    column: npt.NDArray[np.generic] = np.array(values, kind)
    found = distinct(column)
    assert found.dtype == column.dtype
    assert found.tolist() == np.unique(column).tolist()


@pytest.mark.parametrize("set_", [list, tuple, set, frozenset])
@given(values=VALUES, wanted=st.lists(st.integers(0, 9), max_size=3))
def test_a_value_is_among_the_wanted(
    set_: type[Collection[int]], values: list[int], wanted: list[int]
) -> None:
    column = np.array(values, np.uint64)
    made = set_(wanted)  # type: ignore[call-arg]
    assert among(column, made).tolist() == [value in wanted for value in values]


@given(codes=st.lists(st.integers(0, 255), max_size=9), wanted=st.lists(st.integers(0, 255)))
def test_a_table_of_codes_gives_numpy_s_answer(codes: list[int], wanted: list[int]) -> None:
    column = np.array(codes, np.uint8)
    found = table_of(*wanted).take(column)
    assert found.dtype == np.bool_
    assert found.tolist() == np.isin(column, wanted).tolist()


@given(codes=st.lists(st.integers(0, 255), max_size=40))
def test_codes_are_counted(codes: list[int]) -> None:
    assert counts_of(np.array(codes, np.uint8)) == Counter(codes)


@given(
    kinds=st.lists(st.sampled_from([Kind.ACCEPT, Kind.CONVERT, Kind.STAGE]), max_size=9),
    wanted=st.lists(st.sampled_from(list(Kind)), max_size=3),
)
def test_events_of_a_kind_are_found(kinds: list[Kind], wanted: list[Kind]) -> None:
    batch = Batch(0, {"kind": np.array(kinds, np.uint8)})
    assert batch.of(*wanted).tolist() == [at for at, one in enumerate(kinds) if one in wanted]
    assert batch.number_of(*set(wanted)) == len(batch.of(*wanted))
