# SPDX-License-Identifier: GPL-2.0-only
"""Guest functions to watch: from names to link-time addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import BadInputError
from toolkit.run.machinery import Table


@dataclass(frozen=True)
class Probe:
    """A function and its link-time address; the emulator adds what KASLR did."""

    name: str
    address: int


def resolve(names: Sequence[str], table: Table, where: str) -> list[Probe]:
    """Find every function in a symbol table that came from `where`. Raises BadInputError for one that is not there."""
    addresses = {name: address for address, name in table}
    found = []
    for name in names:
        if name not in addresses:
            raise BadInputError(
                f"--probe {name}: {where} has no function of that name (inlined, perhaps?)"
            )
        found.append(Probe(name, addresses[name]))
    return found


def write(probes: Sequence[Probe], path: Path) -> None:
    """Write the list as the emulator reads it: name and address, a line each."""
    path.write_text("".join(f"{probe.name} {probe.address:#x}\n" for probe in probes))
