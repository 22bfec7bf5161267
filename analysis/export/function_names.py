# SPDX-License-Identifier: GPL-2.0-only
"""Names of the functions that events come from, for exports: each address is looked up once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.kernel.caller_names import BEST_EFFORT, is_implausible, is_sure
from acceptlab.analysis.trace.events import Batch

NameOf = Callable[[int, int | None], str | None]
"""As RunSymbols.name_of: an address and a stage to ``function+0x12``, None where there is no name."""


def no_names(_address: int, _stage: int | None) -> str | None:
    """For a run without symbols."""
    return None


class FunctionNames:
    """Functions by address and stage, "" where there is no name."""

    def __init__(self, name_of: NameOf = no_names) -> None:
        self._name_of = name_of
        self._known: dict[tuple[int, int], str] = {}

    def at(self, address: int, stage: int) -> str:
        """The function of an address, without the offset."""
        if not address:
            return ""
        key = (address, stage)
        if key not in self._known:
            self._known[key] = (self._name_of(address, stage) or "").partition("+")[0]
        return self._known[key]

    def caller(self, address: int, how: int, stage: int) -> str:
        """The requesting function of an event, as reports name it: with a mark where it may be another one, "" for a mere guess."""
        if is_implausible(how):
            return ""
        name = self.at(address, stage)
        return name if is_sure(how) or not name else f"{BEST_EFFORT}{name}"

    def of(self, batch: Batch) -> list[str]:
        """The function of each event's ``rip``."""
        return self._each(batch["rip"], batch["stage"])

    def callers_of(self, batch: Batch) -> list[str]:
        """The requesting function of each event."""
        rows = zip(
            batch["caller"].tolist(),
            batch["caller_how"].tolist(),
            batch["stage"].tolist(),
            strict=True,
        )
        return [self.caller(*row) for row in rows]

    def _each(
        self, addresses: npt.NDArray[np.generic], stages: npt.NDArray[np.generic]
    ) -> list[str]:
        return [self.at(*row) for row in zip(addresses.tolist(), stages.tolist(), strict=True)]
