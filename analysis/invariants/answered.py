# SPDX-License-Identifier: GPL-2.0-only
"""Faults that a guest answers by accepting: a kernel may access a page and accept it on the fault."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.invariants.invariant import Suspicion
from acceptlab.analysis.invariants.verdict import EXAMINED
from acceptlab.analysis.pages.page_states import PageStates
from acceptlab.analysis.pages.transitions import EVER, HELD, STATE_MASK, State
from acceptlab.analysis.trace.events import Batch
from acceptlab.analysis.trace.schema import PAGE_SIZE


def may_be_answered(before: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Which of these state bytes are of pages never accepted: the access did not happen, so an accept sets all right."""
    state = before & np.uint8(STATE_MASK)
    never = (state == State.HOST) | (state == State.ASSIGNED)
    return np.asarray(never & ((before & (HELD | EVER)) == 0), np.bool_)


class FaultedPages:
    """Faults on pages that were never accepted, by kind, kept until the last step shows which were answered."""

    def __init__(self) -> None:
        self._pages: dict[object, list[npt.NDArray[np.uint64]]] = {}
        self._first: dict[object, dict[int, Suspicion]] = {}
        self.answered = 0

    def add(self, kind: object, batch: Batch, positions: npt.NDArray[np.intp]) -> None:
        """Keep faults of one kind: 8 bytes each, and the first of the pages in full."""
        pages = batch["gpa"][positions] // np.uint64(PAGE_SIZE)
        self._pages.setdefault(kind, []).append(pages)
        first = self._first.setdefault(kind, {})
        for page, position in zip(pages.tolist(), positions.tolist(), strict=True):
            first.setdefault(page, Suspicion.at(batch, position, "", ""))

    def unanswered(self, states: PageStates) -> Iterator[tuple[object, int, list[Suspicion]]]:
        """For each kind: how many faults are on pages that are still unaccepted at the end, and the first ones."""
        for kind, batches in self._pages.items():
            pages, count = np.unique(np.concatenate(batches), return_counts=True)
            left = np.array([not states.at(page * PAGE_SIZE) & EVER for page in pages.tolist()])
            self.answered += int(count[~left].sum())
            if left.any():
                wanted = set(pages[left].tolist())
                first = [one for page, one in self._first[kind].items() if page in wanted]
                yield kind, int(count[left].sum()), first[:EXAMINED]
