# SPDX-License-Identifier: GPL-2.0-only
"""Names for the guest's functions while it runs: from the kernel that its run loads, and from where it turns out to be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel.symbols import Symbols, load_symbols
from acceptlab.analysis.trace.schema import Kind, Stage
from acceptlab.toolkit.collect.emulators import LiveEmulator
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.run.emulator_command import RunFiles

_LINKED_AT = 0xFFFFFFFF81000000
"""Where a kernel's text is linked: the kernel map and CONFIG_PHYSICAL_START (Documentation/arch/x86/x86_64/mm.rst)."""
_ALIGNED = 2 << 20
"""CONFIG_PHYSICAL_ALIGN: the kernel proper begins less than this behind its first instruction there."""


class Names:
    """Names addresses as soon as the guest has reached its kernel; before, or without symbols, there are none."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._offset: int | None = None

    def watch(self, records: npt.NDArray[np.void]) -> None:
        """Look for the moment at which the kernel proper begins: its address shows the KASLR offset."""
        begins = (records["kind"] == Kind.STAGE) & (records["detail"] == Stage.KERNEL)
        for address in records["rip"][begins]:
            self._offset = (int(address) & -_ALIGNED) - _LINKED_AT

    def __call__(self, address: int) -> str | None:
        """Return the function that an address is in, None where that is not known."""
        if self._offset is None:
            return None
        return self._symbols.name_of(address, self._offset)


def names_of(emulator: LiveEmulator) -> Names:
    """Return the names of the kernel in an emulator that `acceptlab run` has started; of others nothing is known."""
    if emulator.folder is None:
        return Names(Symbols([]))
    try:
        about = json.loads(RunFiles(emulator.folder).kernel.read_text())
        symbols = load_symbols(
            Path(about["file"]), cache=cache() / "symbols", sha256=about["sha256"]
        )
    except (OSError, ValueError, KeyError, BadInput):
        return Names(Symbols([]))
    return Names(symbols)
