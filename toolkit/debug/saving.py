# SPDX-License-Identifier: GPL-2.0-only
"""Boots a recorded run again and saves the guest on the way, for runs that go on from there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from acceptlab.toolkit.debug.repeatable_run import Recorded, check_same_guest
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.run import saved_guest
from acceptlab.toolkit.run.emulator_run import identity_of, prepare
from acceptlab.toolkit.run.saved_guest import SavedGuest
from acceptlab.toolkit.run.saving_limits import obstacle


def save(again: Recorded, clocks: Sequence[int], folder: Path, into: Path) -> list[SavedGuest]:
    """Boot the run again in `folder` and save it into `into` at the first possible moment at or after each clock (instructions).

    Raises BadInputError where such a run is never saved, or has ended before; MachineError where the emulator fails.
    """
    why = obstacle(again.options)
    if why:
        raise BadInputError(f"{again.run.path}: a run with {why} cannot be saved")
    ready = prepare(again.options, again.kernel, again.emulator, folder)
    check_same_guest(again.run, ready)
    with step(f"booting {again.run.path.name} again, to save it"):
        saved = saved_guest.save(
            ready.command, ready.files, identity_of(ready), clocks, into, again.options.time_limit
        )
    if len(saved) < len(clocks):
        raise BadInputError(f"{again.run.path}: the guest ended before it could be saved there")
    return saved
