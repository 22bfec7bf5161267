# SPDX-License-Identifier: GPL-2.0-only
"""Where a campaign's runs begin: late injections go on from a saved guest, early ones boot."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.debug.repeatable_run import recorded
from acceptlab.toolkit.debug.saving import save
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.run.saved_guest import SavedGuest
from acceptlab.toolkit.run.saving_limits import obstacle
from acceptlab.toolkit.whole_folders import scratch

SAVED = "saved"
_MARGIN = 20_000_000
"""Instructions between the clock at which a guest is to be saved and a moment: it is saved at the end of a round of turns, which is
not farther than the next timer, or a vCPU's longest turn (LONGEST_TURN in emulator/qemu/turns.c)."""
_PARTS = 8
"""A run is cut into so many parts, for each of which one guest is saved at most."""
_WORTH = 3
"""Fewer late injections than this are booted: to save guests takes a boot, too."""


def clocks_for(moments: Sequence[int], instructions: int) -> list[int]:
    """Return when to save the guest of a run of so many instructions: before the first moment of each part of the run, ascending."""
    part = max(instructions // _PARTS, 2 * _MARGIN)
    found: list[int] = []
    until = part
    for clock in sorted(moments):
        if clock >= until:
            found.append(clock - _MARGIN)
            until = clock - _MARGIN + part
    return found


def nearest(saved: Sequence[SavedGuest], clock: int) -> SavedGuest | None:
    """Return the last guest that was saved before a moment; None: there is none, and the run boots."""
    before = [one for one in saved if one.clock < clock]
    return max(before, key=lambda one: one.clock, default=None)


@contextmanager
def saved_guests(
    plain: Path, options: RunOptions, moments: Sequence[int], out: Path
) -> Iterator[list[SavedGuest]]:
    """Yield guests saved from the run without attacks, before the moments (instructions); they are removed after the block.

    None where such runs cannot be saved, or where it is not worth a boot.
    """
    run = Run.open(plain)
    clocks = clocks_for(moments, int((run.info.report or {}).get("instructions", 0)))
    late = [one for one in moments if clocks and one >= clocks[0]]
    if obstacle(options) or len(late) < _WORTH:
        yield []
        return
    folder = out / SAVED
    shutil.rmtree(folder, ignore_errors=True)  # of a campaign that was killed
    folder.mkdir()
    try:
        with scratch("acceptlab-save-") as boot:
            found = save(recorded(run), clocks, boot, folder)
        yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)
