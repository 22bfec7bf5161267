# SPDX-License-Identifier: GPL-2.0-only
"""Every kind of event is a USDT probe in the emulator, for whoever attaches."""

from __future__ import annotations

from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection

from acceptlab.analysis.trace.schema import RAW_DTYPE, Kind

WORDS = RAW_DTYPE.itemsize // 8
"""Arguments of each probe: the words of a record."""


def probes(emulator: Path) -> dict[str, set[int]]:
    """Return each probe's name and how many arguments it has (systemtap's sys/sdt.h: three addresses, three strings)."""
    found: dict[str, set[int]] = {}
    with emulator.open("rb") as file:
        notes = ELFFile(file).get_section_by_name(".note.stapsdt")
        assert isinstance(notes, NoteSection), "built without USDT probes"
        for note in notes.iter_notes():
            provider, name, arguments = note["n_descdata"][24:].split(b"\0")[:3]
            if provider == b"qemu":
                found.setdefault(name.decode(), set()).add(len(arguments.split()))
    return found


def test_every_kind_of_event_is_a_probe(emulator: Path) -> None:
    named = probes(emulator)
    assert {f"guest_{kind.name.lower()}" for kind in Kind} <= set(named)


def test_each_has_the_words_of_a_record(emulator: Path) -> None:
    named = probes(emulator)
    assert {kind.name: named[f"guest_{kind.name.lower()}"] for kind in Kind} == {
        kind.name: {WORDS} for kind in Kind
    }
