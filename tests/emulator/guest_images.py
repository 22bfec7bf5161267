# SPDX-License-Identifier: GPL-2.0-only
"""Build the test guests of tests/guests: one ELF per source and platform, kept until a source changes."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tests.emulator import bare_handoff

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCES = CHECKOUT / "tests" / "guests"
KEPT = CHECKOUT / "build" / "tests-guests"
_COMMON = ("entry.S", "access.S", "runtime.c")
_FLAGS = (
    *("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib", "-static"),
    *("-fno-pic", "-no-pie", "-fno-stack-protector", "-fcf-protection=none", "-fno-builtin"),
    *("-mno-red-zone", "-mgeneral-regs-only", "-fno-asynchronous-unwind-tables"),
    *("-Wl,--build-id=none", "-Wl,-z,noexecstack", "-Wl,--no-warn-rwx-segments"),
)


@dataclass(frozen=True)
class Image:
    """A built guest: what is loaded, and the addresses of its symbols."""

    flat: bytes
    symbols: dict[str, int]


@cache
def _key() -> str:
    """Return a digest of everything that the images are made from."""
    digest = hashlib.sha256(" ".join(_FLAGS).encode())
    for platform in ("snp", "tdx"):
        digest.update(repr(bare_handoff.macros(platform)).encode())
    for path in sorted(SOURCES.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@cache
def build(name: str, platform: str) -> Image:
    """Return the image of tests/guests/NAME.c for one platform, compiled if need be; raises on compiler errors."""
    elf = KEPT / _key() / f"{name}-{platform}.elf"
    if not elf.exists():
        _compile(name, platform, elf)
    with elf.open("rb") as file:
        parsed = ELFFile(file)
        section = parsed.get_section_by_name(".image")
        table = parsed.get_section_by_name(".symtab")
        assert section is not None
        assert isinstance(table, SymbolTableSection)
        symbols = {item.name: int(item["st_value"]) for item in table.iter_symbols() if item.name}
        return Image(section.data(), symbols)


def _compile(name: str, platform: str, elf: Path) -> None:
    elf.parent.mkdir(parents=True, exist_ok=True)
    beside = elf.with_suffix(f".{os.getpid()}")
    macros = bare_handoff.macros(platform)
    sources = [SOURCES / source for source in (*_COMMON, f"platform_{platform}.c", f"{name}.c")]
    command = [
        *("cc", *_FLAGS),
        *(f"-D{key}={value:#x}" for key, value in macros.items()),
        *("-T", str(SOURCES / "guest.ld"), f"-Wl,--defsym=IMAGE={macros['IMAGE']:#x}"),
        *("-o", str(beside), *map(str, sources)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{name} for {platform} does not compile:\n{done.stderr}"
    beside.rename(elf)
