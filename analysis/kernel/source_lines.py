# SPDX-License-Identifier: GPL-2.0-only
"""File and line of kernel addresses, from the debug information of a vmlinux."""

from __future__ import annotations

import json
import posixpath
from pathlib import Path
from typing import Any

from elftools.common.exceptions import DWARFError, ELFError
from elftools.elf.elffile import ELFFile

from acceptlab.analysis.files import write_text

_FIRST = "arch/x86/kernel/head_64.S"
"""What a kernel's code begins with. A kernel that was compiled in a folder of objects has whole paths: what is before this is the root of the sources."""
_FILES_FROM_ZERO = 5
"""First version of DWARF whose line tables count files and folders from 0, the folder of the build."""


class SourceLines:
    """Answers, for one vmlinux, which line an address comes from; the file is opened when first needed.

    With ``kept``, a JSON file, answers are read from there and kept there: to read the debug
    information of a kernel takes seconds.
    """

    def __init__(self, vmlinux: Path, kept: Path | None = None) -> None:
        self._vmlinux = vmlinux
        self._kept = kept
        self._answers: dict[str, str | None] = _read(kept)
        self._dwarf: Any = None
        self._opened = False
        self._root = ""

    def at(self, address: int) -> str | None:
        """``mm/page_alloc.c:123`` for a link-time address; None without debug information about it."""
        key = f"{address:#x}"
        if key not in self._answers:
            self._answers[key] = self._look_up(address)
            if self._kept is not None:
                self._kept.parent.mkdir(parents=True, exist_ok=True)
                write_text(self._kept, json.dumps(self._answers, indent=1, sort_keys=True) + "\n")
        return self._answers[key]

    def _look_up(self, address: int) -> str | None:
        if not self._opened:
            self._opened = True
            self._dwarf, first = _dwarf_of(self._vmlinux)
            file = (self._place(first) or "").rpartition(":")[0]
            self._root = file.removesuffix(_FIRST) if file.endswith(f"/{_FIRST}") else ""
        place = self._place(address)
        return place.removeprefix(self._root) if place else None

    def _place(self, address: int) -> str | None:
        """File and line, the file as the debug information has it."""
        if self._dwarf is None:
            return None
        try:
            ranges = self._dwarf.get_aranges()
            offset = None if ranges is None else ranges.cu_offset_at_addr(address)
            if offset is None:
                return None
            unit = self._dwarf.get_CU_at(offset)
            program = self._dwarf.line_program_for_CU(unit)
            row = None if program is None else _row_at(program, address)
            return None if row is None else f"{_file(unit, program, row.file)}:{row.line}"
        except (DWARFError, ELFError, KeyError, IndexError, ValueError):
            return None


def _read(kept: Path | None) -> dict[str, str | None]:
    try:
        answers = json.loads(kept.read_text(encoding="utf-8")) if kept is not None else {}
    except (OSError, ValueError):
        return {}
    return answers if isinstance(answers, dict) else {}


def _dwarf_of(vmlinux: Path) -> tuple[Any, int]:
    """The debug information, or None, and where the code begins."""
    try:
        elf = ELFFile.load_from_path(str(vmlinux))
        text = elf.get_section_by_name(".text")
        if text is None or not elf.has_dwarf_info():
            return None, 0
        # A vmlinux that can be relocated keeps its relocations (ld --emit-relocs). They are in the sections already; to
        # go through ten million of them again takes minutes.
        relocate = elf["e_type"] == "ET_REL"
        return elf.get_dwarf_info(relocate_dwarf_sections=relocate), text["sh_addr"]
    except (OSError, ELFError, DWARFError, ValueError):
        return None, 0


def _row_at(program: Any, address: int) -> Any:
    """The row of a line table that covers ``address``, or None."""
    before = None
    for entry in program.get_entries():
        row = entry.state
        if row is None:
            continue
        if before is not None and before.address <= address < row.address:
            return before
        before = None if row.end_sequence else row
    return None


def _file(unit: Any, program: Any, number: int) -> str:
    """Path of a file of a line table, relative to the folder of the build where it lies below that."""
    header = program.header
    first = 0 if header["version"] >= _FILES_FROM_ZERO else 1
    entry = header["file_entry"][number - first]
    root = unit.get_top_DIE().attributes
    build = (
        root["DW_AT_comp_dir"].value.decode(errors="replace") if "DW_AT_comp_dir" in root else ""
    )
    folder = ""
    if entry.dir_index >= first:
        folder = header["include_directory"][entry.dir_index - first].decode(errors="replace")
    path = posixpath.normpath(posixpath.join(build, folder, entry.name.decode(errors="replace")))
    return path.removeprefix(build.rstrip("/") + "/") if build else path
