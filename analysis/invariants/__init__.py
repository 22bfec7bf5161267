# SPDX-License-Identifier: GPL-2.0-only
"""The invariants that a run is judged by, one module each (docs/invariants.md)."""

from __future__ import annotations

from analysis.invariants.base import Context, Invariant
from analysis.invariants.i01_no_access_before_accept import NoAccessBeforeAccept
from analysis.invariants.i02_one_accept import OneAccept
from analysis.invariants.i03_order import Order
from analysis.invariants.i04_bitmap import BitmapTrue
from analysis.invariants.i05_guard import GuardUnit
from analysis.invariants.i06_one_vcpu_per_unit import OneVcpuPerUnit
from analysis.invariants.i07_no_storms import NoStorms
from analysis.invariants.i08_lock import NoLockHeld
from analysis.invariants.i09_firmware_data import FirmwareData
from analysis.invariants.i10_counter import Counter

REGISTRY: dict[str, type[Invariant]] = {
    invariant.name: invariant
    for invariant in (
        NoAccessBeforeAccept,
        OneAccept,
        Order,
        BitmapTrue,
        GuardUnit,
        OneVcpuPerUnit,
        NoStorms,
        NoLockHeld,
        FirmwareData,
        Counter,
    )
}
"""By name, in the order in which they are reported."""

__all__ = ["REGISTRY", "Context", "Invariant"]
