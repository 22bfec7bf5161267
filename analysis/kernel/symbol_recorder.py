# SPDX-License-Identifier: GPL-2.0-only
"""Puts the names of a run's addresses into its folder, so that it can be read where its kernel is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from acceptlab.analysis.kernel.recorded_symbols import Named, write_names
from acceptlab.analysis.kernel.symbols import RunSymbols, symbols_of_kernels
from acceptlab.analysis.run.run_folder import Run, write_run_json
from acceptlab.analysis.run.run_info import RunInfo
from acceptlab.analysis.trace.events import EventFile
from acceptlab.analysis.trace.schema import Stage
from acceptlab.analysis.trace.value_sets import distinct

_COLUMNS = ("rip", "caller", "stage")
_MOST_LINES = 256
"""Addresses whose source line is looked up, the lowest first: each may take a tenth of a second."""


def write_run(folder: Path, info: RunInfo, cache: Path | None) -> None:
    """Write RUN/symbols.json (see `record_symbols`), then RUN/run.json: a folder that has it is whole."""
    record_symbols(Run(folder, info), cache)
    write_run_json(folder, info)


def record_symbols(run: Run, cache: Path | None) -> int:
    """Write symbols.json into the folder of ``run``, where its kernel is at hand; return how many addresses have a name.

    ``cache`` is a folder for symbol tables by kernel checksum. Raises BadInput when the events cannot be read or the file not be
    written. Where no address has a name there is no file; nor has an address where it is not known what KASLR added.
    """
    symbols = symbols_of_kernels(run.info, cache)
    named: list[dict[int, Named]] = []
    for second, offset in enumerate(("kaslr_offset", "second_kaslr_offset")):
        if offset not in (run.info.report or {}):
            named.append({})
            continue
        stage = Stage.SECOND_KERNEL if second else None
        places, calls = _addresses(run, bool(second))
        known = {
            one: name for one in sorted(places | calls) if (name := symbols.name_of(one, stage))
        }
        named.append(_with_lines(known, places, calls, symbols, stage))
    total = sum(map(len, named))
    if total:
        write_names(run.path, *named)
    return total


def record_names(run: Run, name_of: Callable[[int], str | None]) -> int:
    """The same for addresses that ``name_of`` has names for as they are, such as those of the kernel that runs here; no source lines."""
    places, calls = _addresses(run, second=False)
    named = {one: Named(name) for one in places | calls if (name := name_of(one))}
    if named:
        write_names(run.path, named, {})
    return len(named)


def _with_lines(
    known: dict[int, str], places: set[int], calls: set[int], symbols: RunSymbols, stage: int | None
) -> dict[int, Named]:
    """The same with source lines; the line of a call is that of the byte before its return address."""
    named = {}
    for number, (address, symbol) in enumerate(known.items()):
        source = call = None
        if number < _MOST_LINES:
            source = symbols.source_of(address, stage) if address in places else None
            call = symbols.source_of(address - 1, stage) if address in calls else None
        named[address] = Named(symbol, source or "", call or "")
    return named


def _addresses(run: Run, second: bool) -> tuple[set[int], set[int]]:
    """Addresses of instructions, and return addresses: those of the events, and where the guest was at its end."""
    places, calls = _at_end(run) if second == (run.info.second is not None) else (set(), set())
    if not run.events_path.exists():
        return places, calls
    for batch in EventFile(run.events_path).batches(_COLUMNS):
        mine = (batch["stage"] >= Stage.SECOND_DECOMPRESSOR) == second
        places |= set(_changes(batch["rip"][mine]))
        calls |= set(_changes(batch["caller"][mine]))
    return places - {0}, calls - {0}


def _changes(column: npt.NDArray[np.uint64]) -> Iterator[int]:
    """Every value of a column, where most are those of the row before."""
    if len(column):
        begins = np.flatnonzero(column[1:] != column[:-1]) + 1
        yield from distinct(column[np.concatenate(([0], begins))]).tolist()


def _at_end(run: Run) -> tuple[set[int], set[int]]:
    """Instruction pointer and stack of the emulator's report; most words of a stack are no address, and get no name."""
    report = run.info.report or {}
    stack = report.get("stack")
    words = stack if isinstance(stack, list) else []
    return set(_numbers([report.get("rip")])), set(_numbers(words))


def _numbers(words: list[object]) -> Iterator[int]:
    for word in words:
        if isinstance(word, str):
            try:
                yield int(word, 16)
            except ValueError:
                continue
