# SPDX-License-Identifier: GPL-2.0-only
"""The invariants that a run is judged by, one module each (docs/invariants.md)."""

from __future__ import annotations

from acceptlab.analysis.invariants.i01_no_access_before_accept import NoAccessBeforeAccept
from acceptlab.analysis.invariants.i02_one_accept import OneAccept
from acceptlab.analysis.invariants.i03_order import Order
from acceptlab.analysis.invariants.i04_bitmap import BitmapTrue
from acceptlab.analysis.invariants.i05_guard import GuardUnit
from acceptlab.analysis.invariants.i06_one_vcpu_per_unit import OneVcpuPerUnit
from acceptlab.analysis.invariants.i07_no_storms import NoStorms
from acceptlab.analysis.invariants.i08_lock import NoLockHeld
from acceptlab.analysis.invariants.i09_firmware_data import FirmwareData
from acceptlab.analysis.invariants.i10_counter import Counter
from acceptlab.analysis.invariants.invariant import Context, Invariant

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
