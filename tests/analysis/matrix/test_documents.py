# SPDX-License-Identifier: GPL-2.0-only
"""A matrix as text and as a page: narrow enough, whole, and leading back to every run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.analysis.report.matrix.columns import COLUMNS, shown
from acceptlab.analysis.report.matrix.matrix_html import as_html
from acceptlab.analysis.report.matrix.matrix_text import as_text
from acceptlab.analysis.report.matrix.sheet import CellSheet, Sheet, SweepSheet
from acceptlab.analysis.report.matrix.wide_table import WIDTH, Table
from tests.analysis.browser import browser

FACTS = {
    "verdict": "clean", "outcome": "userspace", "accepts": 14845, "before_userspace": 706 << 20,
    "to_userspace": 2_031_600_000, "faults": 0,
}  # fmt: skip


def a_cell(number: int, platform: str, memory: str, **changed: object) -> CellSheet:
    labels = {"platform": platform, "memory": memory, "kernel": "debian:6.12"}
    line = f"acceptlab run debian:6.12 --platform {platform} --memory {memory} --seed {number}"
    facts = {**FACTS, "accepts": 1000 * number, **changed}
    return CellSheet(labels, "done", "", f"cells/{platform}-{memory}", line, "6.12", facts=facts)


def a_sheet() -> Sheet:
    cells = [a_cell(n, p, m) for n, (p, m) in enumerate(
        [(p, m) for p in ("snp", "tdx") for m in ("2G", "16G")], 1)]  # fmt: skip
    cells[2] = a_cell(3, "tdx", "2G", verdict="findings", before_userspace=None)
    cells[2] = CellSheet(
        **{**vars(cells[2]), "findings": [{"invariant": "I2", "title": "</script>", "total": 3}]}
    )
    labels = {"platform": "tdx", "memory": "64G", "kernel": "debian:6.12"}
    cells.append(CellSheet(labels, "missing", "no kernel 'lazy'"))
    columns = ("verdict", "accepts", "before_userspace", "to_userspace")
    sweep = SweepSheet("one", "How much?", ("platform", "memory", "kernel"), columns, cells)
    return Sheet("some", "Some <runs>", "key", [sweep])


def test_the_text_is_narrow_and_has_it_all() -> None:
    text = as_text(a_sheet())
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "(kernel debian:6.12)" in text
    assert "#3  tdx       2G      findings    3,000          -" in text
    assert "#3 tdx, 2G, debian:6.12: I2 </script> (3)" in text
    assert "#5 tdx, 64G, debian:6.12: MISSING: no kernel 'lazy'" in text
    for cell in a_sheet().cells[:4]:
        assert cell.run in text
        assert cell.reproduce in " ".join(text.replace("\\\n", "").split())


WORDS = st.text("abc -", min_size=0, max_size=14)


@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 5), st.data())
def test_a_table_repeats_its_labels_and_loses_nothing(
    labels: int, others: int, rows: int, data: st.DataObject
) -> None:
    width = labels + others
    body = [[data.draw(WORDS).strip() or "x" for _ in range(width)] for _ in range(rows)]
    heads = [f"head{at}" for at in range(width)]
    text = Table(heads, body, labels).text()
    assert max(map(len, text.splitlines())) <= WIDTH
    pieces = text.split("\n\n")
    assert all(len(piece.splitlines()) == rows + 2 for piece in pieces)
    assert text.split().count(f"head{width - 1}") == 1
    assert text.split().count("head0") == len(pieces)
    for at, row in enumerate(body):
        lines = [piece.splitlines()[2 + at] for piece in pieces]
        for cell in row[labels:]:
            assert any(cell in line for line in lines)


def test_facts_have_units() -> None:
    assert shown(COLUMNS["before_userspace"], 3 << 19) == "1.5"
    assert shown(COLUMNS["to_userspace"], 2_031_600_000) == "2,031.6"
    assert shown(COLUMNS["accepts"], 14845) == "14,845"
    assert shown(COLUMNS["before_userspace"], None) == "-"


def test_json_explains_its_columns() -> None:
    data = json.loads(a_sheet().json_text())
    assert data["format"] == 1
    assert data["columns"]["before_userspace"]["unit"] == "bytes"
    assert [cell["state"] for cell in data["sweeps"][0]["cells"]][-2:] == ["done", "missing"]


@pytest.mark.processes
def test_the_page_works_at_both_widths_and_pivots(tmp_path: Path) -> None:
    page = tmp_path / "matrix.html"
    page.write_text(as_html(a_sheet()))
    with browser(tmp_path / "profile") as chromium:
        for width in (1280, 400):
            chromium.open(page, width)
            assert chromium.complaints() == []
            assert chromium.requests() == []
            assert chromium.value("document.documentElement.scrollWidth") <= width
            assert chromium.value("document.title") == "Some <runs>"
            cells = "[...document.querySelectorAll('.pivot td')].map(c => c.textContent).join('|')"
            assert chromium.value(cells) == "1,000|2,000||3,000|4,000|missing"
        chromium.value(
            "(() => { const s = document.querySelectorAll('.choices select');"
            "s[0].value = 'before_userspace'; s[1].value = 'memory'; s[2].value = '';"
            "s[0].dispatchEvent(new Event('change')); })()"
        )
        titles = (
            "[...document.querySelectorAll('.pivot caption')].map(c => c.textContent).join('|')"
        )
        assert chromium.value(titles) == (
            "before userspace, MiB (platform snp)|before userspace, MiB (platform tdx)"
        )
        assert chromium.value(cells) == "706|706|–|706|missing"


def test_runs_that_have_no_like_are_listed_only(tmp_path: Path) -> None:
    """As of a sweep that covers pairs: each would have a pivot of its own."""
    values = [(platform, memory) for platform in ("snp", "tdx") for memory in ("2G", "4G", "8G")]
    whole = [a_cell(number, *each) for number, each in enumerate(values, 1)]
    columns = ("verdict", "accepts")
    diagonal = [
        a_cell(at, platform, f"{2 * at}G", seed=at) for at, platform in enumerate("abcde", 1)
    ]
    for cells, pivots in ((whole, 1), (diagonal, 0)):
        sweep = SweepSheet("one", "", ("platform", "memory", "kernel"), columns, cells)
        page = as_html(Sheet("some", "Some", "key", [sweep]))
        assert page.count('class="pivots"') == pivots
        assert page.count('<tr><th scope="row">#') == len(cells)
