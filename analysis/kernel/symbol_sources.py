# SPDX-License-Identifier: GPL-2.0-only
"""Symbols from a kernel's files: vmlinux, bzImage, System.map. Apart, as readers of ELF files take long to load."""

from __future__ import annotations

import io
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.kernel.kallsyms import KERNEL_MAP, find_kallsyms
from acceptlab.analysis.kernel.kernel_image import decompress_bzimage, is_bzimage
from acceptlab.analysis.kernel.nm_lines import Symbol, from_lines
from acceptlab.analysis.regular_files import open_regular


def extract(kernel: Path) -> list[Symbol]:
    """Symbols of a vmlinux, a bzImage or a System.map; raises BadInput, in one line, for anything else."""
    try:
        with open_regular(kernel) as file:
            data = file.read()
    except OSError as error:
        raise BadInput(f"cannot read {kernel}: {error.strerror or error}") from error
    try:
        if is_bzimage(data):
            return find_kallsyms(decompress_bzimage(data))
        if data.startswith(b"\x7fELF"):
            return _from_elf(data) or find_kallsyms(data)
        return from_lines(data.decode("ascii").splitlines())
    except UnicodeDecodeError as error:
        raise BadInput(f"{kernel} is no vmlinux, no bzImage and no System.map") from error
    except BadInput as error:
        raise BadInput(f"{kernel}: {error}") from error


def _from_elf(data: bytes) -> list[Symbol]:
    symbols: list[Symbol] = []
    try:
        for section in ELFFile(io.BytesIO(data)).iter_sections():
            if isinstance(section, SymbolTableSection):
                for symbol in section.iter_symbols():
                    kind = symbol["st_info"]["type"]
                    if symbol.name and kind in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE"):
                        code = "d" if kind == "STT_OBJECT" else "t"
                        symbols.append((symbol["st_value"], code, symbol.name))
    except (ELFError, ValueError, KeyError) as error:
        raise BadInput(f"damaged ELF file ({error})") from error
    if symbols and max(address for address, _, _ in symbols) < KERNEL_MAP:
        raise BadInput("an ELF file, but no x86-64 kernel")
    return symbols
