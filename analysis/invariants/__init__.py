# SPDX-License-Identifier: GPL-2.0-only
"""The invariants that a run is judged by, one module each (semantics section 5)."""

from __future__ import annotations

from analysis.invariants.base import Context, Invariant
from analysis.invariants.i01_no_access_before_accept import NoAccessBeforeAccept
from analysis.invariants.i02_one_accept import OneAccept
from analysis.invariants.i03_order import Order
from analysis.invariants.i06_one_vcpu_per_unit import OneVcpuPerUnit
from analysis.invariants.i07_no_storms import NoStorms

REGISTRY: dict[str, type[Invariant]] = {
    invariant.name: invariant
    for invariant in (
        NoAccessBeforeAccept,
        OneAccept,
        Order,
        OneVcpuPerUnit,
        NoStorms,
    )
}
"""By name, in the order in which they are reported."""

__all__ = ["REGISTRY", "Context", "Invariant"]
