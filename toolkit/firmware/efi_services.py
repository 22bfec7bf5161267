# SPDX-License-Identifier: GPL-2.0-only
"""EFI's boot services, as a small program that enters Linux's EFI stub: built once, kept under the key of what it was made from."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError, MachineError
from acceptlab.toolkit.firmware.bzimage import HEADER_OFFSET, BzImage
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.ranges import KIB, MIB, PAGE
from acceptlab.toolkit.whole_files import cached_file

STACK = 128 * KIB
"""What UEFI promises to whom it starts (UEFI 2.10, section 2.3.4)."""

SERVICES = 2 * PAGE
"""Room for the program."""

FREE_MEMORY = 128 * MIB
"""Accepted memory that a stub needs at least: it decompresses the kernel itself, to where chance puts it."""

SPARE_DESCRIPTORS = 128
"""How many pieces the stub's allocations may cut the memory map into."""

_SOURCE, _SCRIPT = (Path(__file__).with_name(f"efi-services.{kind}") for kind in ("c", "ld"))
_FLAGS = (
    "-nostdlib", "-static", "-Os", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fpie",
    "-fno-stack-protector", "-fcf-protection=none", "-mno-red-zone", "-mgeneral-regs-only",
    "-fno-asynchronous-unwind-tables", "-fno-tree-loop-distribute-patterns", "-Wl,--build-id=none",
    "-Wl,--no-warn-rwx-segments", "-Wl,-z,noexecstack",
)  # fmt: skip
_SETTINGS_AT = 0x20
_SETTINGS = struct.Struct("<7Q")
_HANDOVER_OFFSET = 0x264
_XLOADFLAGS = 0x236
_XLF_EFI_HANDOVER_64 = 1 << 3


@dataclass(frozen=True)
class Settings:
    """Parameters of the program: guest-physical addresses, and numbers of descriptors of the memory map."""

    system_table: int
    stub: int
    memory_map: int
    descriptors: int
    accepts_all_unless_asked: bool
    seed: int
    """Decides where in their pages pool allocations lie."""


def stub_entry(kernel: BzImage, load_address: int) -> int:
    """Return where the EFI handover protocol enters a kernel (Documentation/x86/boot.rst).

    Raises BadInputError for a kernel that was built without it.
    """

    def field(form: str, at: int) -> int:
        (value,) = struct.unpack_from(form, kernel.header, at - HEADER_OFFSET)
        return int(value)

    offset = field("<I", _HANDOVER_OFFSET) if len(kernel.header) >= 0x268 - HEADER_OFFSET else 0
    if not offset or not field("<H", _XLOADFLAGS) & _XLF_EFI_HANDOVER_64:
        raise BadInputError(
            f"{kernel.path}: has no EFI handover entry; build it with CONFIG_EFI_HANDOVER_PROTOCOL, "
            "or leave out --handoff stub"
        )
    return load_address + 0x200 + offset


def efi_services(settings: Settings) -> bytes:
    """Return the program with its settings: position-independent, entered at its first byte like a kernel.

    Raises MachineError when there is no compiler, or it fails.
    """
    program = bytearray(_program())
    values = (
        settings.system_table, settings.stub, settings.memory_map, settings.descriptors,
        settings.descriptors + SPARE_DESCRIPTORS, settings.accepts_all_unless_asked, settings.seed,
    )  # fmt: skip
    _SETTINGS.pack_into(program, _SETTINGS_AT, *values)
    return bytes(program)


def _program() -> bytes:
    made_from = (
        _SOURCE.read_bytes(),
        _SCRIPT.read_bytes(),
        " ".join(_FLAGS).encode(),
        _run("gcc", "--version"),
    )
    key = hashlib.sha256(b"\0".join(made_from)).hexdigest()[:16]
    return cached_file(cache() / "efi-services", key, ".bin", _compile).read_bytes()


def _compile() -> bytes:
    with tempfile.TemporaryDirectory(prefix="acceptlab-efi-") as scratch:
        program, flat = f"{scratch}/program", f"{scratch}/flat"
        _run("gcc", *_FLAGS, f"-Wl,-T,{_SCRIPT}", "-o", program, str(_SOURCE))
        _run("objcopy", "-O", "binary", program, flat)
        return Path(flat).read_bytes()


def _run(*command: str) -> bytes:
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise MachineError(
            f"{command[0]} is missing; install the packages gcc and binutils"
        ) from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise MachineError(f"cannot build the EFI boot services for guests: {lines[-1]}")
    return done.stdout
