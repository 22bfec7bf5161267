# SPDX-License-Identifier: GPL-2.0-only
"""Names for kernel addresses, from a vmlinux, a System.map, or the kernel's own table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from copy import copy
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.files import sha256_of
from acceptlab.analysis.kernel import kernel_cache
from acceptlab.analysis.kernel.nm_lines import Symbol, from_table
from acceptlab.analysis.kernel.recorded_symbols import Names, read_names
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import Kernel, RunInfo
from acceptlab.analysis.trace.schema import Stage

if TYPE_CHECKING:
    from acceptlab.analysis.kernel.source_lines import SourceLines

_KIND = "symbols 3"
"""Its number changes with the parser: what an older one read wrongly must not be believed."""
_CODE = frozenset("tTwW")
"""Types, as nm has them, that an instruction pointer can be in."""
_REACH = 1 << 20
"""An address this far behind the last symbol has no name."""


class _Table:
    """What `Symbols` looks up. A kernel has some 200,000 symbols, and few users ask in more than one way: each form is made when it is wanted."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        self.all = sorted(symbols)

    @cached_property
    def code(self) -> tuple[list[int], list[str]]:
        """Addresses and names of code."""
        addresses = [address for address, kind, _ in self.all if kind in _CODE]
        return addresses, [name for _, kind, name in self.all if kind in _CODE]

    @cached_property
    def by_name(self) -> dict[str, int]:
        """The lowest address of each name."""
        return {name: address for address, _, name in reversed(self.all)}

    @cached_property
    def items(self) -> list[tuple[int, str]]:
        """(address, name) in order."""
        return sorted((address, name) for address, _, name in self.all)


class Symbols:
    """Symbols of one kernel, by link-time address."""

    def __init__(self, symbols: Iterable[Symbol], lines: SourceLines | None = None) -> None:
        self.lines = lines
        self._table = _Table(symbols)

    def with_lines(self, lines: SourceLines | None) -> Symbols:
        """The same symbols, whose table the two share, with source lines."""
        other = copy(self)
        other.lines = lines
        return other

    def __len__(self) -> int:
        return len(self._table.all)

    def __contains__(self, name: object) -> bool:
        return name in self._table.by_name

    def address(self, name: str) -> int:
        """Link-time address of a symbol; KeyError if there is none of this name."""
        return self._table.by_name[name]

    def name_of(self, address: int, kaslr_offset: int = 0) -> str | None:
        """``function+0x12`` for a run-time address in code, or None."""
        addresses, names = self._table.code
        linked = address - kaslr_offset
        place = bisect_right(addresses, linked) - 1
        if place < 0 or linked - addresses[place] > _REACH:
            return None
        offset = linked - addresses[place]
        return names[place] + (f"+{offset:#x}" if offset else "")

    def source_of(self, address: int, kaslr_offset: int = 0) -> str | None:
        """``file:line`` of a run-time address, where the kernel has debug information about it."""
        return None if self.lines is None else self.lines.at(address - kaslr_offset)

    def items(self) -> list[tuple[int, str]]:
        """All (link-time address, name), code and data, in this order; not to be changed."""
        return self._table.items

    def table(self) -> list[Symbol]:
        """All (address, type, name), by address."""
        return self._table.all


NO_KERNEL = Symbols([])


class RunSymbols:
    """Names for the addresses of one run. Each of its kernels has its own symbols, and lies where KASLR put it.

    ``second``: of a kernel that the guest started itself; None where the run does not say which it is, so that none of its
    addresses has a name of the first one's. ``offset``: what KASLR added to the first one's link-time addresses; None where it
    is not known, so that no address of it has a name.
    """

    def __init__(
        self,
        first: Symbols,
        offset: int | None = 0,
        second: Symbols | None = None,
        second_offset: int = 0,
        recorded: tuple[Names, Names] = ({}, {}),
    ) -> None:
        self.first = first
        self._offset = offset
        self._second = second
        self._second_offset = second_offset
        self._recorded = recorded
        self._recorded_lines = (_lines(recorded[0]), _lines(recorded[1]))

    @property
    def is_whole(self) -> bool:
        """Whether each kernel's own symbols are at hand, and it is known where the first one lies."""
        here = len(self.first) and self._offset is not None
        return bool(here and (self._second is None or len(self._second)))

    def with_recorded(self, recorded: tuple[Names, Names]) -> RunSymbols:
        """The same, with the names that the run folder has, for a kernel that is not at hand."""
        return RunSymbols(
            self.first, self._offset, self._second, self._second_offset, recorded
        )  # fmt: skip

    def name_of(self, address: int, stage: int | None) -> str | None:
        """``function+0x12`` for an address seen in a stage (None: while the first kernel ran), or None."""
        symbols, offset, number = self._in(stage)
        if len(symbols) and offset is not None:
            return symbols.name_of(address, offset)
        known = self._recorded[number].get(address)
        return known.symbol or None if known else None

    def source_of(self, address: int, stage: int | None) -> str | None:
        """``file:line`` of an address seen in a stage, where there is debug information about it."""
        symbols, offset, number = self._in(stage)
        if len(symbols) and offset is not None:
            return symbols.source_of(address, offset)
        return self._recorded_lines[number].get(address)

    def _in(self, stage: int | None) -> tuple[Symbols, int | None, int]:
        if stage is not None and stage >= Stage.SECOND_DECOMPRESSOR:
            return self._second or NO_KERNEL, self._second_offset, 1
        return self.first, self._offset, 0


def _lines(names: Names) -> dict[int, str]:
    """Source lines by address; that of a call is asked for by the byte before its return address."""
    calls = {address - 1: one.call_source for address, one in names.items() if one.call_source}
    return calls | {address: one.source for address, one in names.items() if one.source}


NO_SYMBOLS = RunSymbols(NO_KERNEL)


def load_symbols(kernel: Path, *, cache: Path | None = None, sha256: str | None = None) -> Symbols:
    """Symbols of ``kernel``: a vmlinux, a bzImage or a System.map; BadInput if it is none.

    With ``cache``, a folder, the table is kept there under the checksum of the file (computed
    when ``sha256`` is not given).
    """
    if cache is None:
        return Symbols(_symbols_in(kernel))
    digest = sha256 or sha256_of(kernel)
    kept = cache / f"symbols-{digest}.txt"
    cached = _read_cache(kept)
    if cached is not None:
        return cached
    symbols = Symbols(_symbols_in(kernel))
    lines = [f"{address:016x} {kind} {name}\n" for address, kind, name in symbols.table()]
    kernel_cache.write(kept, _KIND, "".join(lines))
    return symbols


def symbols_of_run(run: Run, cache: Path | None) -> RunSymbols:
    """Symbols of the kernels that a run names, as far as the files are still those kernels; else what RUN/symbols.json has.

    Raises BadInput where that file is needed and is not usable.
    """
    found = symbols_of_kernels(run.info, cache)
    return found if found.is_whole else found.with_recorded(read_names(run.path))


def symbols_of_kernels(info: RunInfo, cache: Path | None) -> RunSymbols:
    """Symbols of the kernels that a run names, as far as the files are still those kernels and it is known where they lie."""
    at_hand = _of_kernel(info.kernel, cache)
    first = (at_hand, info.kaslr_offset if info.kaslr_is_known else None)
    if info.second is None:
        return RunSymbols(*first)
    if "second_kaslr_offset" not in (info.report or {}):
        return RunSymbols(*first, NO_KERNEL)  # where it lies is not known
    second = info.second.kernel
    same = second.sha256 == info.kernel.sha256 if second.sha256 else second == info.kernel
    symbols = at_hand if same else _of_kernel(second, cache)
    return RunSymbols(*first, symbols, info.second_kaslr_offset)


def _of_kernel(kernel: Kernel, cache: Path | None) -> Symbols:
    for name, checksum in ((kernel.vmlinux, ""), (kernel.path, kernel.sha256)):
        path = Path(name)
        if not name or not path.is_file():
            continue
        try:
            if checksum and sha256_of(path) != checksum:
                continue
            digest = checksum or sha256_of(path)
            symbols = load_symbols(path, cache=cache, sha256=digest)
        except BadInput:
            continue
        kept = None if cache is None else cache / f"lines-{digest}.json"
        return symbols.with_lines(_lines_of(path, kept) if name == kernel.vmlinux else None)
    return Symbols([])


def _symbols_in(kernel: Path) -> list[Symbol]:
    from acceptlab.analysis.kernel.symbol_sources import extract  # loads readers of ELF files

    return extract(kernel)


def _lines_of(vmlinux: Path, kept: Path | None) -> SourceLines:
    from acceptlab.analysis.kernel.source_lines import SourceLines  # the same

    return SourceLines(vmlinux, kept)


def _read_cache(path: Path) -> Symbols | None:
    """Return the symbols of a table that was written before, None where it is not there or damaged."""
    try:
        about = path.stat()
        return _of_table(path, about.st_mtime_ns, about.st_size)
    except (OSError, BadInput):
        return None


@lru_cache(maxsize=2)
def _of_table(path: Path, _written: int, _size: int) -> Symbols:
    """Read a table; a run asks twice for that of its kernel, a replay of many runs once for each."""
    text = kernel_cache.read(path, _KIND)
    if text is None:
        raise BadInput(f"{path} is damaged")
    return Symbols(from_table(text))
