# SPDX-License-Identifier: GPL-2.0-only
"""Modelled times: counts times prices, never without the word."""

from __future__ import annotations

import numpy as np
import pytest

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.measure.cost import measure
from acceptlab.analysis.measure.cost_profile import Price, Profile
from acceptlab.analysis.measure.modelled_time import Modelled, Weigher, model
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import EventFile
from tests.analysis.synthetic import Guest

PRICES = {("accept", "4K"): 3.0, ("accept", "2M"): 500.0, ("convert", ""): 70.0}
BLOCK_BYTES = {4096: "4K", 2 << 20: "2M"}


def profile(*includes: str, without: str | None = None) -> Profile:
    prices = [
        Price(operation, size, 1, ns, "assumed", "made up")
        for (operation, size), ns in PRICES.items()
        if size != without
    ]
    return Profile("made-up", "snp", "nothing", "nobody", includes, tuple(prices))


@pytest.fixture(scope="module")
def guest() -> Guest:
    guest = Guest(backing="4K")
    guest.boot()
    guest.accept_block(guest.layout.low + 24 * (2 << 20), 2 << 20)
    guest.end()
    return guest


@pytest.fixture(scope="module")
def run(guest: Guest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run.open(guest.write(tmp_path_factory.mktemp("run") / "run"))


def by_hand(guest: Guest, converts: tuple[int, ...]) -> float:
    total = 0.0
    for one in guest.records():
        if one["kind"] == 3 and one["result"] == 0 and one["carry"] != 1:
            total += PRICES["accept", BLOCK_BYTES[int(one["size"])]]
        if one["kind"] == 5 and int(one["detail"]) in converts:
            total += PRICES["convert", ""]
    return total


@pytest.mark.parametrize(
    ("includes", "converts"), [(("refused",), (1, 2)), (("refused", "convert-private"), (2,))]
)
def test_a_bill_is_counts_times_prices(
    guest: Guest, run: Run, includes: tuple[str, ...], converts: tuple[int, ...]
) -> None:
    prices = profile(*includes)
    found = model(measure(run), prices, "snp")
    assert found.ns == by_hand(guest, converts)
    assert not found.unpriced
    weigh = Weigher(prices)
    batches = EventFile(run.events_path).batches()
    assert sum(int(weigh(b, np.arange(len(b))).sum()) for b in batches) == found.ns


def unpriced(found: Modelled) -> set[tuple[str, str]]:
    return {(bill.operation, bill.size) for bill in found.unpriced}


def test_what_has_no_price_is_listed_and_not_counted(guest: Guest, run: Run) -> None:
    found = model(measure(run), profile(without="4K"), "snp")
    assert unpriced(found) == {("accept", "4K"), ("refused", "2M")}


def test_a_profile_of_the_other_platform_is_refused(run: Run) -> None:
    with pytest.raises(BadInput, match="is for snp, and the run is tdx"):
        model(measure(run), profile(), "tdx")
