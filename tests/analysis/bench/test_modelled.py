# SPDX-License-Identifier: GPL-2.0-only
"""Modelled times beside the facts: what they are made of, and that every form says that they are modelled."""

from __future__ import annotations

import json
import re

import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.measure.cost import Cost, Operations
from acceptlab.analysis.measure.cost_profile import Price, Profile
from acceptlab.analysis.report.kernels.kernels_html import as_html
from acceptlab.analysis.report.kernels.kernels_text import as_markdown, as_text
from acceptlab.analysis.report.kernels.modelled_facts import (
    before_userspace,
    column_of,
    fact_of,
    is_modelled,
    note,
)
from acceptlab.analysis.report.kernels.summary import Bench, Sample, blocks_of

PROFILE = Profile(
    "toy", "tdx", "a toy", "made up", ("assign", "refused", "convert-private"),
    (Price("accept", "2M", 1, 2e6, "assumed", "so"), Price("convert", "", 1, 1e6, "assumed", "so")),
)  # fmt: skip
COST = Cost(
    operations=[
        Operations("accept", "kernel", "2M", 10, 0, 20 << 20),
        Operations("accept", "userspace", "2M", 99, 0, 198 << 20),
    ],
    to_shared={"kernel": 3},
)


def test_it_is_the_operations_before_userspace_times_the_prices() -> None:
    counts = json.loads(json.dumps(COST.counts()))
    assert before_userspace(counts, PROFILE, "tdx") == 10 * 2_000_000 + 3 * 1_000_000


def test_a_profile_of_the_other_platform_is_refused() -> None:
    with pytest.raises(BadInput):
        before_userspace(COST.counts(), PROFILE, "snp")


def test_every_form_says_that_it_is_modelled_and_by_what() -> None:
    fact = fact_of(PROFILE)
    assert is_modelled(fact) and not is_modelled("accepts")
    assert column_of(fact).about.startswith("not measured")
    samples = [
        Sample("base", "tdx", 1, {fact: 23_000_000}),
        Sample("last", "tdx", 1, {fact: 11_500_000}),
    ]
    blocks = blocks_of(samples, ["base", "last"], ["tdx"], [fact])
    bench = Bench("Two", "Small.", (1,), blocks, samples, (), (), [note(PROFILE)])
    text = as_text(bench)
    assert re.search(r"^modelled before userspace \(toy\) +ms +23.00 +11.50$", text, re.M)
    assert "removes" not in text  # the headline is of counts
    assert re.search(r"against the first +% +-50.0$", text, re.M)
    assert "no times" not in text and "not measured" in text
    assert max(map(len, text.splitlines())) <= 72
    for form in (as_markdown(bench), as_html(bench), json.dumps(bench.to_json())):
        assert "odelled" in form and "not measured" in form
