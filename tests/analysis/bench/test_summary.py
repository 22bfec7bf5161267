# SPDX-License-Identifier: GPL-2.0-only
"""Medians, spreads and changes of any samples, and the forms that they are shown in."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.report.kernels.kernels_html import as_html
from acceptlab.analysis.report.kernels.kernels_text import as_markdown, as_text
from acceptlab.analysis.report.kernels.summary import (
    Bench,
    Missing,
    Sample,
    blocks_of,
    change,
    percent,
)
from acceptlab.analysis.report.matrix.wide_table import WIDTH
from tests.analysis.browser import browser

LISTS = st.lists(st.integers(0, 1 << 50), min_size=1, max_size=7)


@given(LISTS, LISTS)
def test_a_row_is_its_samples_boiled_down(first: list[int], second: list[int]) -> None:
    samples = [
        Sample(kernel, "snp", seed, {"accepts": value})
        for kernel, values in (("a", first), ("b", second))
        for seed, value in enumerate(values)
    ]
    ((block),) = blocks_of(samples, ["a", "b"], ["snp"], ["accepts"])
    one, two = block.rows
    assert (one.median, one.low, one.high) == (statistics.median(first), min(first), max(first))
    assert (two.samples, one.change) == (len(second), None)
    assert two.change == two.change_first == change(one.median, statistics.median(second))


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [(200, 150, "-25.0%"), (100, 250, "+150.0%"), (1, 12, "12x"), (7, 7, "="), (0, 0, "="), (0, 5, ""), (None, 5, "")],
)  # fmt: skip
def test_a_change_is_told_in_percent(before: float | None, after: float, shown: str) -> None:
    assert percent(change(before, after)) == shown


def test_a_kernel_is_compared_with_the_one_before_and_with_the_first() -> None:
    samples = [
        Sample(name, "tdx", 1, {"accepts": n}) for name, n in (("a", 100), ("b", 50), ("c", 75))
    ]
    (block,) = blocks_of(samples, ["a", "b", "c"], ["tdx"], ["accepts"])
    assert [(row.change, row.change_first) for row in block.rows] == [
        (None, None), (-50, -50), (50, -25),
    ]  # fmt: skip


def test_a_kernel_without_samples_has_a_row_and_the_next_nothing_to_compare_with() -> None:
    samples = [Sample(name, "tdx", 1, {"accepts": 9}) for name in ("a", "c")]
    (block,) = blocks_of(samples, ["a", "b", "c"], ["tdx"], ["accepts"])
    assert [(row.median, row.change, row.change_first) for row in block.rows] == [
        (9, None, None), (None, None, None), (9, None, 0),
    ]  # fmt: skip


def a_bench() -> Bench:
    long = "0017-a-patch-whose-name-goes-on-and-on-until-it-fills-a-whole-line-and-more"
    kernels = ["base", long, "gone"]
    samples = [
        Sample(kernel, platform, seed, {"accepts": 10**n * seed, "to_userspace": 2 * 10**9 + seed * 10**7},
               "cells/x", "acceptlab run x")
        for n, kernel in enumerate(kernels[:2], 4)
        for platform in ("snp", "tdx")
        for seed in (1, 2, 3)
    ]  # fmt: skip
    blocks = blocks_of(samples, kernels, ["snp", "tdx"], ["accepts", "to_userspace"])
    return Bench("A <series>", "4G, lazy.", [1, 2, 3], blocks, samples,
                 [Missing("gone", "snp", "no kernel 'gone'")], ["base on snp, seed 1: I2 twice"])  # fmt: skip


def test_the_text_is_narrow_and_tells_the_spread() -> None:
    text = as_text(a_bench())
    assert max(map(len, text.splitlines())) <= WIDTH
    rows = [" ".join(line.split()) for line in text.splitlines()]
    at = rows.index("SNP: accepts number 20,000 200,000 -")
    assert rows[at + 1 :][:4] == [
        "against the first % +900.0", "against the one before % +900.0",
        "minimum number 10,000 100,000", "maximum number 30,000 300,000",
    ]  # fmt: skip
    assert "MISSING: gone on snp: no kernel 'gone'" in text
    assert "base on snp, seed 1: I2 twice" in text


def test_there_is_one_table_with_a_unit_at_every_fact() -> None:
    text = as_markdown(a_bench())
    assert text.count("\n| --- |") == 1
    assert "| fact | unit | A | B | C |" in text
    assert "| TDX: clock to userspace | M instr. | 2,020.0 | 2,020.0 | - |" in text


def test_json_holds_every_sample() -> None:
    data = json.loads(json.dumps(a_bench().to_json()))
    assert len(data["samples"]) == 12
    assert data["facts"]["to_userspace"]["unit"] == "clock"


@pytest.mark.processes
def test_the_page_works_at_both_widths(tmp_path: Path) -> None:
    page = tmp_path / "bench.html"
    page.write_text(as_html(a_bench()))
    with browser(tmp_path / "profile") as chromium:
        for width in (1280, 400):
            chromium.open(page, width)
            assert chromium.complaints() == []
            assert chromium.value("document.documentElement.scrollWidth") <= width
            assert chromium.value("document.querySelectorAll('.plot[data-drawn]').length") == 1
