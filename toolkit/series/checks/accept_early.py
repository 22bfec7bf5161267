# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel cannot handle #VC and #VE without, as its vmlinux says: annotated, and in memory that is accepted.

A kernel of the lazy-accept series annotates such objects (arch/x86/include/asm/accept_early.h); the entries are in the section
`.accept_early`. Its decompressor accepts the kernel's image as a whole, and setup_per_cpu_areas() allocates the per-CPU areas
as a whole: an object is safe if it is in the image, or a per-CPU variable.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.series.checks.problems import FAIL, Problem, Step

NAME = "accept-early"
SECTION = ".accept_early"
_ENTRY = struct.Struct("<QQQ40s")  # struct accept_early: address, size, kind, name
_STATIC, _CPU, _POINTER = range(3)
_KINDS = {_STATIC: "static", _CPU: "per-CPU", _POINTER: "pointed to per CPU"}
_POINTER_SIZE = 8

_CHECKER = "check_accepted_early"
"""The kernel's own check during boot."""
_ALWAYS = frozenset(
    {"idt_table", "gdt_page", "cpu_tss_rw", "entry_stack_storage", "exception_stacks"}
)
_NEEDED = {
    "exc_virtualization_exception": _ALWAYS,
    "kernel_exc_vmm_communication": _ALWAYS | {"boot_ghcb_page", "runtime_data"},
}
"""Handlers, and what has to be annotated in a kernel that has them."""


@dataclass(frozen=True)
class Annotation:
    """One entry of the section: addresses as in vmlinux (of per-CPU variables: offsets), sizes in bytes."""

    name: str
    address: int
    size: int
    kind: int


@dataclass(frozen=True)
class Image:
    """What is needed of a vmlinux. `symbols`: name to (address, size)."""

    symbols: dict[str, tuple[int, int]]
    annotations: list[Annotation] | None
    """None: the kernel has no such section."""


def read_image(vmlinux: Path) -> Image:
    """Read symbols and annotations. Raises BadInputError for what is no vmlinux, or is damaged."""
    try:
        with vmlinux.open("rb") as file:
            elf = ELFFile(file)
            table = elf.get_section_by_name(".symtab")
            if not isinstance(table, SymbolTableSection):
                raise BadInputError(f"{vmlinux}: has no symbol table; give the vmlinux of a build")
            symbols = {
                one.name: (int(one["st_value"]), int(one["st_size"]))
                for one in table.iter_symbols()
            }
            section = elf.get_section_by_name(SECTION)
            data = section.data() if section else None
    except (OSError, ELFError) as error:
        raise BadInputError(f"{vmlinux}: cannot read the kernel: {error}") from error
    if data is None:
        return Image(symbols, None)
    if len(data) % _ENTRY.size:
        raise BadInputError(
            f"{vmlinux}: {SECTION} has {len(data)} bytes, not a multiple of {_ENTRY.size}"
        )
    return Image(symbols, [_annotation(*entry) for entry in _ENTRY.iter_unpack(data)])


def _annotation(address: int, size: int, kind: int, name: bytes) -> Annotation:
    return Annotation(name.split(b"\0", 1)[0].decode("ascii", "replace"), address, size, kind)


def check(vmlinux: Path) -> Step | None:
    """Return the step for a kernel that annotates something, None for one without annotations."""
    image = read_image(vmlinux)
    if image.annotations is None and _CHECKER not in image.symbols:
        return None
    problems = tuple(Problem(FAIL, text, text) for text in problems_of(image))
    return Step(NAME, problems, f"{len(image.annotations or [])} objects annotated")


def problems_of(image: Image) -> Iterator[str]:
    """Return a line for each object that is not annotated, or where it cannot be known to be accepted."""
    annotations = image.annotations or []
    names = {one.name for one in annotations}
    for handler, needed in _NEEDED.items():
        if handler in image.symbols:
            for name in sorted(needed - names):
                yield f"{name}: {handler}() accesses it, but it is not annotated"
    for handler in _NEEDED:
        if handler in image.symbols and not _inside(
            image, *image.symbols[handler], "_text", "_end"
        ):
            yield f"{handler}: the handler is outside the kernel image"
    for one in annotations:
        yield from _problems_of_one(image, one)


def _problems_of_one(image: Image, one: Annotation) -> Iterator[str]:
    if one.kind not in _KINDS:
        yield f"{one.name}: unknown annotation kind {one.kind}"
        return
    size = _POINTER_SIZE if one.kind == _POINTER else one.size
    if (one.address, size) != image.symbols.get(one.name):
        yield f"{one.name}: annotation covers {size:#x} bytes at {one.address:#x}, not the symbol"
    bounds = ("_text", "_end") if one.kind == _STATIC else ("__per_cpu_start", "__per_cpu_end")
    if one.size == 0 or not _inside(image, one.address, size, *bounds):
        where = "the kernel's image" if one.kind == _STATIC else "the per-CPU variables"
        yield f"{one.name} ({_KINDS[one.kind]}): outside {where}, so it may be unaccepted"


def _inside(image: Image, address: int, size: int, start: str, end: str) -> bool:
    """Whether an object lies between two symbols; not if the kernel lacks them."""
    if start not in image.symbols or end not in image.symbols:
        return False
    return image.symbols[start][0] <= address and address + size <= image.symbols[end][0]
