# SPDX-License-Identifier: GPL-2.0-only
"""What was accepted while the watermarks of the kernel's zones were zero.

An allocator that accepts until a watermark is met has none to go by before, and may accept for every allocation (Linux 6.12 does:
mm/page_alloc.c, cond_accept_memory()).
"""

from __future__ import annotations

import numpy as np

from acceptlab.analysis.kernel.kernel_facts import WATERMARKS
from acceptlab.analysis.kernel.versions import in_force
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import Kind

SETS_WATERMARKS = in_force(WATERMARKS)[-1]
"""The function that gives zones their watermarks (Linux, mm/page_alloc.c), first called by init_per_zone_wmark_min()."""
_COLUMNS = ("kind", "size", "result", "carry", "detail")


def before_watermarks(run: Run) -> int | None:
    """Bytes accepted by the guest before its first call of ``SETS_WATERMARKS``; None where that was not probed, or never called.

    Raises BadInput if the run's events are unreadable.
    """
    names = [probe.name for probe in run.info.probes]
    if SETS_WATERMARKS not in names:
        return None
    accepted = 0
    for batch in EventFile(run.events_path).batches(_COLUMNS):
        called = batch["kind"] == Kind.PROBE_ENTER
        called &= batch["detail"] == names.index(SETS_WATERMARKS)
        end = int(called.argmax()) if called.any() else len(batch)
        took = batch["kind"][:end] == Kind.ACCEPT
        took &= (batch["result"][:end] == 0) & (batch["carry"][:end] != 1)
        accepted += int(np.sum(batch["size"][:end][took], dtype=np.uint64))
        if end < len(batch):
            return accepted
    return None
