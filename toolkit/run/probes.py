# SPDX-License-Identifier: GPL-2.0-only
"""Guest functions to watch: from names to link-time addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import BadInputError
from toolkit.kernels.resolve import Kernel
from toolkit.places import cache


@dataclass(frozen=True)
class Probe:
    """A function and its link-time address; the emulator adds what KASLR did."""

    name: str
    address: int


def resolve(names: Sequence[str], kernel: Kernel, vmlinux: str) -> list[Probe]:
    """Find every function in vmlinux, or in the kernel image's own kallsyms. Raises BadInputError for one that is in neither."""
    if not names:
        return []
    from analysis.symbols import load_symbols

    if vmlinux:
        symbols = load_symbols(Path(vmlinux))
    else:
        symbols = load_symbols(kernel.image, cache=cache() / "symbols", sha256=kernel.sha256)
    found = []
    for name in names:
        try:
            found.append(Probe(name, symbols.address(name)))
        except KeyError:
            raise BadInputError(
                f"--probe {name}: {vmlinux or kernel.name} has no function of that name (inlined, perhaps?)"
            ) from None
    return found


def write(probes: Sequence[Probe], path: Path) -> None:
    """Write the list as the emulator reads it: name and address, a line each."""
    path.write_text("".join(f"{probe.name} {probe.address:#x}\n" for probe in probes))
