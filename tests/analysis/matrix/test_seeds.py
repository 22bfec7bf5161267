# SPDX-License-Identifier: GPL-2.0-only
"""Runs that differ in their seed only: the median, the least and the most."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from acceptlab.analysis.report.figures import unpacked
from acceptlab.analysis.report.matrix.matrix_html import as_html
from acceptlab.analysis.report.matrix.matrix_text import summary
from acceptlab.analysis.report.matrix.seeds import Repeated, over_seeds, repeats_seeds
from acceptlab.analysis.report.matrix.sheet import CellSheet, Sheet, SweepSheet
from acceptlab.analysis.report.matrix.wide_table import WIDTH

ACCEPTS = {("snp", "1"): 700, ("snp", "2"): 500, ("snp", "3"): 900,
           ("tdx", "1"): 40, ("tdx", "2"): 40, ("tdx", "3"): 40}  # fmt: skip


def a_cell(platform: str, seed: str, **changed: object) -> CellSheet:
    facts = {"verdict": "clean", "outcome": "userspace", "accepts": ACCEPTS[platform, seed]}
    labels = {"platform": platform, "seed": seed, "memory": "4G"}
    return CellSheet(labels, "done", run=f"{platform}-{seed}", facts={**facts, **changed})


def a_sweep(*changed: CellSheet) -> SweepSheet:
    cells = {tuple(cell.labels.values()): cell for cell in (a_cell(*key) for key in ACCEPTS)}
    cells |= {tuple(cell.labels.values()): cell for cell in changed}
    axes, columns = ("platform", "seed", "memory"), ("verdict", "accepts")
    return SweepSheet("one", "How many?", axes, columns, list(cells.values()))


def snp_of(sweep: SweepSheet) -> Repeated:
    cell = over_seeds(sweep).cells[0]
    assert isinstance(cell, Repeated)
    return cell


def test_a_shape_has_the_median_and_the_spread_of_its_seeds() -> None:
    cell = snp_of(a_sweep())
    assert (cell.labels, cell.numbers) == ({"platform": "snp", "memory": "4G"}, [1, 2, 3])
    assert (cell.facts["accepts"], cell.spread) == (700, {"accepts": (500, 900)})


def test_where_seeds_agree_there_is_no_spread() -> None:
    tdx = over_seeds(a_sweep()).cells[1]
    assert isinstance(tdx, Repeated)
    assert (tdx.facts["accepts"], tdx.spread) == (40, {})


def test_words_are_told_all() -> None:
    assert snp_of(a_sweep()).facts["verdict"] == "clean"
    cell = snp_of(a_sweep(a_cell("snp", "2", verdict="findings")))
    assert cell.facts["verdict"] == "clean, findings"
    assert not cell.clean


def test_a_number_that_one_run_cannot_tell_is_not_told() -> None:
    assert snp_of(a_sweep(a_cell("snp", "2", accepts=None))).facts["accepts"] is None


def test_a_shape_without_one_of_its_runs_is_not_done() -> None:
    lost = replace(a_cell("snp", "2"), state="failed", reason="no memory", facts={})
    assert (snp_of(a_sweep(lost)).state, snp_of(a_sweep(lost)).reason) == ("failed", "no memory")


@pytest.mark.parametrize(
    "cells",
    [
        [a_cell("snp", "1"), a_cell("tdx", "2")],  # as few as have every pair of values
        [a_cell("snp", "1"), a_cell("tdx", "1")],
    ],
)
def test_runs_of_which_each_has_its_own_seed_stay_as_they_are(cells: list[CellSheet]) -> None:
    sweep = replace(a_sweep(), cells=cells)
    assert not repeats_seeds(sweep)
    assert over_seeds(sweep) is sweep
    assert "least" not in summary(sweep)


def test_the_text_says_so() -> None:
    text = summary(a_sweep())
    assert "Seeds 1, 2, 3: median" in text
    assert re.search(r"#1,2,3 +snp +clean +700 +500 \.\. 900\n", text)
    assert re.search(r"#4,5,6 +tdx +clean +40$", text, re.MULTILINE)
    assert max(map(len, text.splitlines())) <= WIDTH


def test_the_page_compares_shapes_and_lists_every_run() -> None:
    page = as_html(Sheet("some", "Some", "key", [a_sweep()]))
    embedded = page.split('id="sheet">')[1].split("</script>")[0]
    [sweep] = json.loads(embedded)["sweeps"]
    assert [cell["facts"]["accepts"] for cell in sweep["cells"]] == [700, 40]
    plot = json.loads(unpacked(page))["plot-0-accepts"]
    assert [bar["y"] for bar in plot["data"]] == [[700, 40]]
    bars = plot["data"][0]["error_y"]
    assert (bars["array"], bars["arrayminus"]) == ([200, 0], [200, 0])
    assert page.count('<th scope="row">#') == len(ACCEPTS)
