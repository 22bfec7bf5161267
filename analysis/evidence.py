# SPDX-License-Identifier: GPL-2.0-only
"""What a guest did, which outweighs what its kernel's symbols and configuration suggest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.events import Batch, EventFile
from analysis.schema import ConvertTo, Kind, Stage


class Evidence:
    """Collects, batch by batch, what a kernel cannot do unless it was built for it."""

    def __init__(self) -> None:
        self.is_guest = False
        """Whether the kernel accepted, rescinded or converted a page: one that is no guest of the platform does none of it."""

    def watch(self, batch: Batch) -> None:
        """Take in a batch with the columns kind, stage, result and detail."""
        if not self.is_guest:
            self.is_guest = bool(_acts_of_a_guest(batch).any())


def acts_as_guest(events: Path) -> bool:
    """Whether the kernel of a recorded run acted as a guest of its platform. Raises BadInput for a damaged file."""
    found = Evidence()
    for batch in EventFile(events).batches(("kind", "stage", "result", "detail")):
        found.watch(batch)
        if found.is_guest:
            break
    return found.is_guest


def _acts_of_a_guest(batch: Batch) -> np.typing.NDArray[np.bool_]:
    kind = batch["kind"]
    page = (kind == Kind.ACCEPT) | (kind == Kind.RESCIND)
    shared = (kind == Kind.CONVERT) & (batch["detail"] == ConvertTo.SHARED)
    found: np.typing.NDArray[np.bool_] = (page | shared) & (batch["result"] == 0)
    return found & (batch["stage"] >= Stage.DECOMPRESSOR)
