# SPDX-License-Identifier: GPL-2.0-only
"""The most that Linux's page allocator can have on its list of unaccepted blocks, from the blocks that it took off.

A block is put on the list when memory is given to the allocator, and stays there until the allocator takes it, even if other
requests accept all of it meanwhile: its neighbour's guard unit, or kexec (Linux 6.12, __free_unaccepted() and try_to_accept_memory_one()
of mm/page_alloc.c). The allocator takes a block by a request of accept_memory() for exactly that block, and before it gives up memory nobody
else does so.
"""

from __future__ import annotations

import numpy as np

from acceptlab.analysis.invariants.requests import done_seq, of_second_kernel, request_probes
from acceptlab.analysis.pages.step import Step
from acceptlab.analysis.pages.unaccepted import BLOCK_SIZE, Bool, listable_blocks
from acceptlab.analysis.run.run_info import SECOND, RunInfo
from acceptlab.analysis.trace.schema import Kind
from acceptlab.analysis.trace.value_sets import among


class ListedBlocks:
    """The blocks that one of a run's kernels may have on its list, if its accept_memory() is probed."""

    def __init__(self, info: RunInfo, kernel: str) -> None:
        self._probes = [at for at, _ in request_probes(info, kernel)]
        self._is_second = kernel == SECOND
        self._ranges = info.handoff.unaccepted
        self._listed: Bool | None = None

    @property
    def is_known(self) -> bool:
        """Whether the kernel's requests are probed, so that a block that it took was seen."""
        return bool(self._probes)

    @property
    def most(self) -> int | None:
        """Bytes on the list at most; None where no block was seen to be taken."""
        return None if self._listed is None else int(self._listed.sum()) * BLOCK_SIZE

    def watch(self, step: Step) -> None:
        """Take off the list what is requested block by block; the list itself is that before the first of them."""
        batch = step.batch
        if not self._probes:
            return
        calls = batch.of(Kind.PROBE_ENTER)
        calls = calls[of_second_kernel(batch["stage"][calls]) == self._is_second]
        calls = calls[among(batch["detail"][calls], self._probes)]
        start, given = batch["gpa"][calls], batch["size"][calls]
        # the second argument is a size or an end
        whole = (given == BLOCK_SIZE) | (given == start + np.uint64(BLOCK_SIZE))
        taken = whole & (start % np.uint64(BLOCK_SIZE) == 0)
        if not taken.any():
            return
        if self._listed is None:
            first = int(batch["seq"][calls[taken][0]])
            self._listed = listable_blocks(step.states, self._ranges, done_seq(step) > first)
        blocks = (start[taken] // np.uint64(BLOCK_SIZE)).astype(np.int64)
        self._listed[blocks[blocks < len(self._listed)]] = False
