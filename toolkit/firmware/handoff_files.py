# SPDX-License-Identifier: GPL-2.0-only
"""A boot handoff as files: the blobs that the emulator loads, and the text file that tells it the rest."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.firmware.boot_handoff import Handoff
from acceptlab.toolkit.firmware.memory_map import LEGACY_HOLE
from acceptlab.toolkit.firmware.reset_rom import entry_rom, halt_rom
from acceptlab.toolkit.platforms import PLATFORMS
from acceptlab.toolkit.ranges import Range, total, union

MAP_NAME = "handoff"
ROM_NAME = "reset.rom"


@dataclass(frozen=True)
class HandoffFiles:
    """Where the files of a boot handoff lie."""

    folder: Path
    map: Path
    """The text file for the emulator."""
    rom: Path
    """For ``-bios``: enters the kernel in a plain guest, halts in the others, whose vCPUs don't start there."""
    loads: list[tuple[Path, int]]
    """What to load where (guest-physical address)."""

    def loader_arguments(self) -> list[str]:
        """Return QEMU's arguments that load the blobs."""
        arguments = []
        for path, address in self.loads:
            # QEMU's way to say that a comma belongs to the value.
            name = str(path).replace(",", ",,")
            arguments += ["-device", f"loader,file={name},addr={address:#x},force-raw=on"]
        return arguments


def map_text(handoff: Handoff) -> str:
    """Return the text of the boot handoff file: one keyword and its numbers per line."""
    # The machine has memory in the legacy hole as well, though no memory map tells the guest.
    accepted = [*handoff.accepted, *([LEGACY_HOLE] if handoff.legacy_hole_accepted else [])]
    lines = [
        f"{keyword} {item.start:#x} {item.size:#x}"
        for keyword, ranges in (
            ("ram", [*handoff.memory_map.ram, LEGACY_HOLE]),
            ("accepted", accepted),
        )
        for item in union(ranges)
    ]
    lines += [f"slot {item.start:#x} {item.size:#x}" for item in handoff.memory_slots]
    entry = handoff.entry
    single = {
        "unaccepted-table": handoff.unaccepted_table,
        "unaccepted-table-size": handoff.unaccepted_table_size,
        "cpuid-page": handoff.cpuid_page,
        "secrets-page": handoff.secrets_page,
        "entry": entry.entry,
        "boot-params": entry.boot_params,
        "page-table": entry.page_table,
        "stack": entry.stack,
        "ap-entry": handoff.ap_entry,
    }
    lines += [f"{keyword} {address:#x}" for keyword, address in single.items() if address]
    lines.append(f"gdt {entry.gdt:#x} {entry.gdt_size:#x}")
    return "".join(line + "\n" for line in lines)


def write_handoff(handoff: Handoff, folder: Path) -> HandoffFiles:
    """Write the boot handoff into ``folder``, which must not exist yet; it appears complete or not at all.

    Raises MachineError when that fails, for example because the disk is full.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            _write_all(handoff, beside)
            beside.chmod(0o755)
            beside.rename(folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    except OSError as error:
        raise MachineError(f"{folder}: cannot write the boot handoff: {error.strerror}") from error
    loads = [(folder / _file_name(blob.name), blob.address) for blob in handoff.blobs]
    return HandoffFiles(folder, folder / MAP_NAME, folder / ROM_NAME, loads)


def _write_all(handoff: Handoff, folder: Path) -> None:
    for blob in handoff.blobs:
        (folder / _file_name(blob.name)).write_bytes(blob.data)
    (folder / MAP_NAME).write_text(map_text(handoff))
    is_confidential = PLATFORMS[handoff.platform].is_confidential
    rom = halt_rom() if is_confidential else entry_rom(handoff.entry)
    (folder / ROM_NAME).write_bytes(rom)


def _file_name(blob: str) -> str:
    return re.sub(r"[^a-z0-9-]", "_", blob) + ".bin"


def summary(handoff: Handoff) -> dict[str, Any]:
    """Return what run.json records of the boot handoff: plain lists and numbers, addresses in hex."""
    return {
        "ram": _written(handoff.memory_map.ram),
        "efi_memory_map": [
            {
                "start": hex(piece.range.start),
                "size": hex(piece.range.size),
                "type": int(piece.type),
            }
            for piece in handoff.memory_map.pieces
        ],
        "allocations": {
            item.name: {"start": hex(item.range.start), "size": hex(item.range.size)}
            for item in handoff.memory_map.allocations
        },
        "accepted_by_firmware": _written(handoff.memory_map.accepted),
        "legacy_hole_accepted": handoff.legacy_hole_accepted,
        "accepted_by_stub": _written(handoff.stub.accepted_at_once),
        "unaccepted": _written(handoff.unaccepted),
        "ram_bytes": total(handoff.memory_map.ram),
        "accepted_bytes": total(handoff.accepted),
        "unaccepted_bytes": total(handoff.unaccepted),
        "unaccepted_table": hex(handoff.unaccepted_table) if handoff.unaccepted_table else None,
        "kernel_knows_unaccepted": handoff.kernel_knows_unaccepted,
        "entry": hex(handoff.entry.entry),
    }


def _written(ranges: list[Range]) -> list[dict[str, str]]:
    return [{"start": hex(item.start), "size": hex(item.size)} for item in ranges]
