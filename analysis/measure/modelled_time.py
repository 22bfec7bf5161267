# SPDX-License-Identifier: GPL-2.0-only
"""Modelled times: the operations of a run, multiplied by the prices of a cost profile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.measure.cost import Cost
from acceptlab.analysis.measure.cost_profile import SIZES, Price, Profile
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import (
    PAGE_SIZE,
    STAGE_NAMES,
    UNIT_SIZE,
    ConvertTo,
    Kind,
    Stage,
)

BYTES = {"4K": PAGE_SIZE, "2M": UNIT_SIZE}


@dataclass(frozen=True)
class Bill:
    """Modelled time of one operation in one stage, ns; None where the profile has no price for it."""

    operation: str
    size: str
    stage: str
    count: int
    ns: float | None


@dataclass(frozen=True)
class Modelled:
    """Everything that a profile says about a run. All times ns, modelled, of one vCPU doing one thing after another."""

    profile: Profile
    bills: tuple[Bill, ...]

    @property
    def ns(self) -> float:
        """Of all that has a price."""
        return sum(bill.ns or 0.0 for bill in self.bills)

    def before_userspace(self) -> float:
        """Of what came before the first instruction in userspace."""
        before = STAGE_NAMES[: int(Stage.USERSPACE)]
        return sum(bill.ns or 0.0 for bill in self.bills if bill.stage in before)

    @property
    def unpriced(self) -> list[Bill]:
        """What could not be counted."""
        return [bill for bill in self.bills if bill.ns is None]

    @property
    def used(self) -> list[Price]:
        """The prices that it rests on."""
        places = {
            (bill.operation.split()[0], bill.size) for bill in self.bills if bill.ns is not None
        }
        return [
            price
            for operation, size in sorted(places)
            for price in self.profile.listed(operation, size)[:1]
        ]


def model(cost: Cost, profile: Profile, platform: str) -> Modelled:
    """The bill of a run. Raises BadInput when the profile is for the other platform."""
    if profile.platform != platform:
        raise BadInput(
            f"the profile {profile.name} is for {profile.platform}, and the run is {platform}: "
            "choose another with --profile"
        )
    return Modelled(profile, tuple(_bills(cost, profile)))


def _bills(cost: Cost, profile: Profile) -> Iterator[Bill]:
    private_included = "convert-private" in profile.includes
    convert = profile.ns("convert")
    if private_included:
        for stage, count in cost.to_shared.items():
            yield Bill("convert to shared", "", stage, count, _times(count, convert))
    for one in cost.operations:
        if one.kind == "accept":
            if one.done:
                ns = profile.ns("accept", one.size)
                yield Bill("accept", one.size, one.stage, one.done, _times(one.done, ns))
            if one.failed and "refused" not in profile.includes:
                yield Bill("refused", one.size, one.stage, one.failed, None)
        elif one.kind == "convert" and not private_included:
            yield Bill("convert", "", one.stage, one.done, _times(one.done, convert))


def _times(count: int, ns: float | None) -> float | None:
    return None if ns is None else count * ns


class Weigher:
    """Gives events their modelled time; for ``analysis.measure.latency.latencies``."""

    def __init__(self, profile: Profile) -> None:
        self._accept = {BYTES[size]: profile.ns("accept", size) or 0.0 for size in SIZES}
        self._convert = profile.ns("convert") or 0.0
        self._private_included = "convert-private" in profile.includes

    def __call__(self, batch: Batch, at: npt.NDArray[np.intp]) -> npt.NDArray[np.uint64]:
        """ns of each of the events ``at`` these positions."""
        kind, size = batch["kind"][at], batch["size"][at]
        ns = np.zeros(len(at))
        done = (kind == Kind.ACCEPT) & (batch["result"][at] == 0) & (batch["carry"][at] != 1)
        for block, price in self._accept.items():
            ns[done & (size == block)] = price
        converted = kind == Kind.CONVERT
        if self._private_included:
            converted &= batch["detail"][at] == ConvertTo.SHARED
        ns[converted] = self._convert
        return ns.astype(np.uint64)
