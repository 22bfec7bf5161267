# SPDX-License-Identifier: GPL-2.0-only
"""Whether events are in order of their clock; where they are not, nothing may be decided by their order.

The emulator's clock never goes back (emulator/qemu/events.c), nor does that of a trace which `acceptlab import` sorted. So a
clock that goes back belongs to events that were moved, doubled or merged, or to another clock than that of the events before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.trace.schema import Kind

_OF_PAGES = (Kind.ACCEPT, Kind.CIPHERTEXT)
"""First and last kind of an event about a page, the boot handoff apart."""


class TimeOrder:
    """Follows the clock of events, batch by batch. ``problem`` describes what is wrong with it; empty: nothing."""

    def __init__(self) -> None:
        self.problem = ""
        self._last = 0
        self._of_pages = 0

    def follow(
        self, start: int, clock: npt.NDArray[np.uint64], kind: npt.NDArray[np.uint8]
    ) -> None:
        """Go on with one or more events, of which the first is number ``start`` in the file."""
        if not self.problem and (int(clock[0]) < self._last or (clock[1:] < clock[:-1]).any()):
            before = np.concatenate([[np.uint64(self._last)], clock[:-1]])
            at = int(np.argmax(clock < before))
            self.problem = (
                f"the clock goes back from {int(before[at])} to {int(clock[at])} at event "
                f"{start + at}, so the order of the events is not certain"
            )
        self._last = int(clock[-1])
        if not self._last:
            self._of_pages += int(((kind >= _OF_PAGES[0]) & (kind <= _OF_PAGES[1])).sum())

    def finish(self) -> None:
        """Note a clock that never moved although the guest did several things."""
        if not self.problem and not self._last and self._of_pages > 1:
            self.problem = "the clock is always 0, so it does not prove the order of the events"
