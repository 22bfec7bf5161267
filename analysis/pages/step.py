# SPDX-License-Identifier: GPL-2.0-only
"""A step of the walk through a run's events: consecutive events, and what they did to the pages."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.pages.page_states import Entries, PageStates
from acceptlab.analysis.pages.snapshots import Snapshot
from acceptlab.analysis.pages.transitions import Breach, Op
from acceptlab.analysis.records import record
from acceptlab.analysis.trace.events import Batch


@record(frozen=True)
class Step:
    """Consecutive events and what they did to the pages. ``states`` is as after the step.

    A step ends at every snapshot and where the boot handoff ends; a stage event is a step of its own:
    ``snapshot`` and ``handoff_ends`` tell about its last event.
    """

    batch: Batch
    ops: npt.NDArray[np.uint8]
    entries: list[Entries]
    states: PageStates
    snapshot: Snapshot | None = None
    handoff_ends: bool = False

    def breaches(self, kinds: Breach) -> list[Entries]:
        """The entries with one of ``kinds``."""
        found = [one.where((one.breach & np.uint8(kinds)) != 0) for one in self.entries]
        return [one for one in found if len(one.position)]

    def looks(self) -> npt.NDArray[np.uint8]:
        """State byte before every event that only looks at a page; 0 elsewhere."""
        before = np.zeros(len(self.batch), np.uint8)
        for one in self.entries:
            mask = one.op == Op.LOOK
            before[one.position[mask]] = one.before[mask]
        return before
