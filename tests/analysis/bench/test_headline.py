# SPDX-License-Identifier: GPL-2.0-only
"""The comparison in words, and what keeps two kernels from standing side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from acceptlab.analysis.report.fairness import Build, unlike
from acceptlab.analysis.report.kernels.headline import headline
from acceptlab.analysis.report.kernels.kernels_html import as_html
from acceptlab.analysis.report.kernels.kernels_text import as_markdown, as_text
from acceptlab.analysis.report.kernels.summary import Bench, Sample, blocks_of
from acceptlab.analysis.report.provenance_line import NOT_TIMES, Provenance, provenance_line

BASE = Build("base", "6.1.170", "a" * 40, "c0ffee", "gcc 12.2.0")
LAST = replace(BASE, name="2 mm: Less", commit="b" * 40)
STOCK = Build("debian:6.1", "6.1.0-57", "", "deb1an", "gcc 12.2.0")
Values = dict[str, Sequence[int]]


def bench(*kernels: tuple[Build, Values], platforms: Sequence[str] = ("snp",)) -> Bench:
    """A comparison of kernels with the values of each fact, one for each seed."""
    names = [build.name for build, _ in kernels]
    facts = list(kernels[0][1])
    samples = [
        Sample(build.name, platform, seed, {fact: values[fact][seed] for fact in facts})
        for build, values in kernels
        for platform in platforms
        for seed in range(len(values[facts[0]]))
    ]
    line = provenance_line(
        platforms=["emulated SEV-SNP guest"], hosts=["2M, demand"], figures=NOT_TIMES,
        kernels=[build.words for build, _ in kernels], verdicts=["clean"] * len(samples),
    )  # fmt: skip
    return Bench(
        "Kernels compared", "2G.", [1], blocks_of(samples, names, platforms, facts), samples, [], [], [],
        [build for build, _ in kernels], "instructions", Provenance(line, "acceptlab series bench x"),
    )  # fmt: skip


def said(one: Bench) -> list[str]:
    return headline(one.blocks, one.builds)


def test_what_a_patch_does_is_said_in_words() -> None:
    one = bench(
        (BASE, {"conversions": [300], "accepts": [9]}),
        (LAST, {"conversions": [18], "accepts": [9]}),
    )
    assert said(one) == ["2 mm: Less removes 94 % of the conversions; nothing else changes."]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([7], [7], "changes nothing that was counted."),
        ([7], [0], "removes all faults."),
        ([0], [7], "adds faults, of which there was none."),
        ([1000], [1250], "adds 25 % to the faults."),
        ([1000], [999], "removes 0.1 % of the faults."),
        ([10, 20, 30], [12, 19, 31], "changes nothing that was counted by more than seeds do."),
        ([10, 20, 30], [31, 40, 50], "adds 100 % to the faults."),
    ],
)
def test_words_for_changes(before: list[int], after: list[int], words: str) -> None:
    assert said(bench((BASE, {"faults": before}), (LAST, {"faults": after}))) == [
        f"2 mm: Less {words}"
    ]


def test_a_change_on_one_platform_names_it() -> None:
    one = bench((BASE, {"faults": [4]}), (LAST, {"faults": [4]}), platforms=("snp", "tdx"))
    samples = [
        replace(s, facts={"faults": 2}) if (s.kernel, s.platform) == (LAST.name, "tdx") else s
        for s in one.samples
    ]
    one = replace(one, blocks=blocks_of(samples, ["base", LAST.name], ["snp", "tdx"], ["faults"]))
    assert said(one) == ["2 mm: Less removes 50 % of the faults (TDX); nothing else changes."]


def test_kernels_of_other_configuration_or_compiler_are_named_in_the_headline() -> None:
    assert unlike([BASE, LAST]) == []
    assert unlike([BASE, STOCK]) == [
        "Not a fair pair: debian:6.1 has another configuration than base."
    ]
    clang = replace(LAST, compiler="clang 19", configuration="x")
    assert "another configuration and another compiler" in unlike([BASE, clang])[0]
    assert "is not known" in unlike([BASE, replace(LAST, configuration="")])[0]


def test_no_change_is_shown_of_a_pair_that_is_not_fair() -> None:
    one = bench((BASE, {"accepts": [100]}), (LAST, {"accepts": [50]}), (STOCK, {"accepts": [400]}))
    for document in (as_text(one), as_markdown(one), as_html(one)):
        first = document[: document.index("400")]
        assert "Not a fair pair: debian:6.1 has another configuration" in " ".join(first.split())
        assert "-50.0" in document and "+300.0" not in document and "+700.0" not in document


def test_every_form_says_in_a_line_where_it_is_from() -> None:
    one = bench((BASE, {"accepts": [100]}), (LAST, {"accepts": [50]}))
    for document in (as_text(one), as_markdown(one), as_html(one)):
        flat = " ".join(document.replace("\\", "").split())
        for words in (
            "acceptlab 0.", "emulated SEV-SNP guest", "host pages: 2M, demand", "counts, not times",
            f"6.1.170, commit {'b' * 12}", "verdict: clean (all 2 runs)", "acceptlab series bench x",
        ):  # fmt: skip
            assert words in flat, words
    assert max(map(len, as_text(one).splitlines())) <= 72
