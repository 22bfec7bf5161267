# SPDX-License-Identifier: GPL-2.0-only
"""The shortest window of a schedule: never one that was not seen to hit, and close to the only one that does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.explore.shortest_window import Window, shortest

_END = 1 << 30
_GRAIN = 1 << 14


@given(st.integers(0, _END - 1), st.integers(0, _END - 1))
def test_a_hit_that_needs_one_stretch_is_reduced_to_little_more(one: int, other: int) -> None:
    first, last = sorted((one, other))

    def hits(window: Window) -> bool:
        return window.start <= first and last < window.end

    window = shortest(Window(0, _END), hits, 100)
    assert hits(window)
    assert first - window.start <= _GRAIN
    assert window.end - last <= _GRAIN + 1


@given(st.integers(0, 40), st.randoms())
def test_whatever_hits_the_result_was_seen_to_hit_within_the_allowed_runs(
    most: int, luck: object
) -> None:
    whole = Window(0, _END)
    seen = {whole}
    calls = 0

    def hits(window: Window) -> bool:
        nonlocal calls
        calls += 1
        hit = luck.random() < 0.5  # type: ignore[attr-defined]  # random.Random
        if hit:
            seen.add(window)
        return hit

    assert shortest(whole, hits, most) in seen
    assert calls <= most
