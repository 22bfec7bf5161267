# SPDX-License-Identifier: GPL-2.0-only
"""The emulator's USDT probes: where they are, where their arguments are, and the BPF program that reads them.

An event's trace-event has the nine 64-bit words of a record as its arguments (emulator/qemu/trace-events), so that what the
program puts into its ring is, byte for byte, what the emulator writes to its own stream.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import NoteSection

from acceptlab.analysis.trace.schema import RAW_DTYPE, Kind
from acceptlab.toolkit.errors import BadInputError

WORDS = RAW_DTYPE.itemsize // 8
_SECTION, _BASE_SECTION = ".note.stapsdt", ".stapsdt.base"
_PROVIDER = "qemu"
_NAMES = {f"guest_{kind.name.lower()}" for kind in Kind}
_ARGUMENT = re.compile(
    r"-?8@(?:\$(?P<constant>-?\d+)|%(?P<register>\w+)|(?P<offset>-?\d*)\(%(?P<base>\w+)\))"
)
"""An eight-byte argument as the assembler writes it: a constant, a register, or memory at a register."""
_REGISTERS = {f"r{name}": name for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")} | {
    f"r{number}": f"r{number}" for number in range(8, 16)
}
"""Registers by the names that struct pt_regs has for them."""


@dataclass(frozen=True)
class Word:
    """One argument of a probe, in C: a value, or, with an offset, what lies at that distance from an address."""

    base: str
    offset: int | None = None


@dataclass(frozen=True)
class Site:
    """One place in the emulator's code where a probe is; ``offset`` and ``semaphore`` are offsets in its file."""

    offset: int
    semaphore: int
    words: tuple[Word, ...]


def sites(binary: Path) -> list[Site]:
    """Return every place of an event's probe. Raises BadInputError when the emulator has none that this version reads."""
    with binary.open("rb") as file:
        try:
            found = list(_sites(ELFFile(file)))
        except ELFError as error:
            raise BadInputError(f"{binary} cannot be read: {error}") from error
    if not found or any(len(site.words) != WORDS for site in found):
        raise BadInputError(
            f"{binary} lacks the USDT probes of this acceptlab version: build the emulator (acceptlab setup) and run it"
        )
    return found


def _sites(elf: ELFFile) -> Iterator[Site]:
    """Read the notes (systemtap's sys/sdt.h): address, base, semaphore; then provider, name and arguments, each a C string."""
    notes, base_now = elf.get_section_by_name(_SECTION), elf.get_section_by_name(_BASE_SECTION)
    if not isinstance(notes, NoteSection) or base_now is None:
        return
    for note in notes.iter_notes():
        content = note["n_descdata"]
        address, base, semaphore = struct.unpack_from("<QQQ", content)
        provider, name, arguments = (part.decode() for part in content[24:].split(b"\0")[:3])
        if provider == _PROVIDER and name in _NAMES:
            moved = base_now["sh_addr"] - base  # where prelink put it
            yield Site(
                offset=_in_file(elf, address + moved),
                semaphore=_in_file(elf, semaphore + moved),
                words=tuple(_word(argument) for argument in arguments.split()),
            )


def _in_file(elf: ELFFile, address: int) -> int:
    for offset in elf.address_offsets(address):
        return int(offset)
    raise BadInputError(f"the emulator has a probe at {address:#x}, outside its file")


def _word(argument: str) -> Word:
    """Return an argument in C. Raises BadInputError for a form that no compiler has used so far."""
    found = _ARGUMENT.fullmatch(argument)
    register = found and (found["register"] or found["base"])
    if not found or (register and register not in _REGISTERS):
        raise BadInputError(f"unsupported location of a USDT probe's argument: {argument}")
    if not register:
        return Word(f"(u64){found['constant']}LL")
    member = f"ctx->{_REGISTERS[register]}"
    return Word(member) if found["register"] else Word(member, int(found["offset"] or 0))


_HEAD = """\
#include <linux/ptrace.h>
struct record {{ u64 word[{words}]; }};
BPF_RINGBUF_OUTPUT(events, {pages});
BPF_ARRAY(lost, u64, 1);
"""
_FUNCTION = """
int {name}(struct pt_regs *ctx)
{{
    struct record record;
    int zero = 0, failed = 0;

{reads}
    if (!failed && !events.ringbuf_output(&record, sizeof(record), BPF_RB_NO_WAKEUP))
        return 0;
    u64 *count = lost.lookup(&zero);
    if (count)
        __sync_fetch_and_add(count, 1);
    return 0;
}}
"""
"""No process waits for the ring: it is polled, and a wake-up for each event would cost more than the event."""


def functions(places: Sequence[Site]) -> dict[tuple[Word, ...], str]:
    """Return the name of the BPF function for each way in which arguments are kept: the compiler uses few, or one."""
    kept = dict.fromkeys(site.words for site in places)
    return {words: f"on_event_{index}" for index, words in enumerate(kept)}


def program(places: Sequence[Site], ring_pages: int) -> str:
    """Return the BPF program for all places; its ring has ``ring_pages`` pages, a power of two."""
    return _HEAD.format(words=WORDS, pages=ring_pages) + "".join(
        _FUNCTION.format(name=name, reads="\n".join(_reads(words)))
        for words, name in functions(places).items()
    )


def _reads(words: Sequence[Word]) -> Iterator[str]:
    """Yield the statements that fill a record; words that lie one after the other are read at once."""
    at = 0
    while at < len(words):
        first, count = words[at], 1
        if first.offset is None:
            yield f"    record.word[{at}] = {first.base};"
        else:
            while words[at + count : at + count + 1] == (_after(first, count),):
                count += 1
            source = f"(void *)({first.base} + {first.offset})"
            yield f"    failed |= bpf_probe_read_user(&record.word[{at}], {8 * count}, {source});"
        at += count


def _after(first: Word, count: int) -> Word:
    return Word(first.base, (first.offset or 0) + 8 * count)
