# SPDX-License-Identifier: GPL-2.0-only
"""The event schema: the raw record, its names, and the columns of events.parquet.

This is the one place that describes an event to readers. ``emulator/model/event.h`` describes
the same record to C; ``tests/analysis/test_schema.py`` holds the two together.

Columns of events.parquet (one row per event, in order of ``seq``):

==========  ====================  ===============================================================
column      type                  meaning
==========  ====================  ===============================================================
seq         uint64                0, 1, 2 ... without a gap
clock       uint64                instructions or nanoseconds, as run.json ``clock`` says
vcpu        uint16                index of the vCPU that caused it
stage       dictionary<string>    where the guest was: a name of ``Stage``
kind        dictionary<string>    what happened: a name of ``Kind``
gpa         uint64                guest physical address, without C-bit or shared bit
size        uint64                bytes
result      uint64                EAX, RAX or status; 0 is success; a ``StopReason`` for a stop
carry       uint8, null if none   carry flag of PVALIDATE
rip         uint64                instruction pointer
caller      uint64                return address of the function at ``rip``, best effort, else 0
caller_how  dictionary<string>    how ``caller`` was found: a name of ``CallerHow``; null if not known
duration    uint64, null if none  time in units of ``clock``, where something measured it
detail      uint64                by kind, see ``Kind``
==========  ====================  ===============================================================

Metadata of the file (key ``acceptlab``): a JSON object with ``format``, ``events``,
``complete`` and, when not complete, ``problem``.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import pyarrow as pa

from acceptlab.analysis.enums import with_plain_members

FORMAT = 1
METADATA_KEY = b"acceptlab"

PAGE_SIZE = 4096
UNIT_SIZE = 2 << 20
"""What one bit of Linux's bitmap stands for (PMD_SIZE; semantics.md 3.2.2)."""
PAGES_PER_UNIT = UNIT_SIZE // PAGE_SIZE


@with_plain_members
class Kind(IntEnum):
    """What happened. ``enum event_kind``."""

    RAM = 1  # [gpa, gpa + size) is RAM of the guest
    LAUNCH = 2  # accepted before the first instruction
    ACCEPT = 3  # PVALIDATE 1, TDG.MEM.PAGE.ACCEPT
    RESCIND = 4  # PVALIDATE 0
    CONVERT = 5  # PSC, MapGPA; detail: ConvertTo
    RMPADJUST = 6  # detail: RDX as given
    ASSIGN = 7  # RMPUPDATE to guest, MEM.PAGE.AUG
    REMOVE = 8  # RMPUPDATE to host, MEM.PAGE.REMOVE
    SPLIT = 9  # PSMASH, MEM.PAGE.DEMOTE
    ATTACK = 10  # an injected attack; detail: Attack
    FAULT = 11  # the guest is notified; detail: access, see below
    STOP = 12  # fatal exit: only the host sees it; detail: access; result: StopReason
    DMA_REFUSED = 13  # detail: 0 device read, 1 device write
    CIPHERTEXT = 14  # shared read of a page that the guest owns
    TERMINATE = 15  # the guest asks to be ended; detail: code
    AP_START = 16  # detail: index of the vCPU that is started
    STAGE = 17  # detail: Stage that begins
    BITMAP = 18  # detail: number of the snapshot
    PROBE_ENTER = 19  # detail: index of the probe; gpa, size: RDI, RSI as given (analysis/kernel/accept_arguments.py)
    PROBE_RETURN = 20  # detail: index of the probe; result: RAX; size: instructions of the vCPU itself in the call, 0: not counted
    END = 21  # last record of a complete stream; detail: records before it
    RELEASE = 22  # TDG.MEM.PAGE.RELEASE
    TABLE_WATCH = 23  # detail: 1 from here on stores to [gpa, gpa + size), the table of unaccepted memory, are events; 0 no more
    TABLE_STORE = 24  # result: what was there, detail: what is there, of size bytes, little endian
    PLUG = 25  # the host added [gpa, gpa + size) while the guest runs: RAM from here on
    UNPLUG = 26  # the guest gave [gpa, gpa + size) up, and the host removed it: no RAM any more


ON_MEMORY = np.array(
    [
        kind <= Kind.CIPHERTEXT or kind in (Kind.RELEASE, Kind.PLUG, Kind.UNPLUG)
        for kind in range(256)
    ]
)
"""By number of a kind: whether its ``gpa`` and ``size`` are the memory that it is about."""


@with_plain_members
class Stage(IntEnum):
    """Where the guest was. ``enum stage``."""

    FIRMWARE = 0
    DECOMPRESSOR = 1
    KERNEL = 2
    USERSPACE = 3
    SECOND_DECOMPRESSOR = 4
    SECOND_KERNEL = 5
    SECOND_USERSPACE = 6


@with_plain_members
class ConvertTo(IntEnum):
    """Bits 7..0 of the detail of a conversion. ``enum convert_to``."""

    PRIVATE = 1
    SHARED = 2


@with_plain_members
class Attack(IntEnum):
    """Detail of an attack. ``enum attack`` of emulator/model/attack.h."""

    REMAP = 1  # SNP: another system page, not validated, backs the GPA
    REMAP_BACK = 2  # SNP: the first system page is back, as it was
    ALIAS = 3  # SNP: the system page of another GPA backs the GPA
    REASSIGN = 4  # SNP: RMPUPDATE to the host and back
    UNASSIGN = 5  # SNP: RMPUPDATE to the host
    REMOVE_AUG = 6  # TDX: PAGE.REMOVE, then PAGE.AUG
    REMOVE = 7  # TDX: PAGE.REMOVE
    BLOCK = 8  # TDX: RANGE.BLOCK
    BUSY = 9  # TDX: the next accepts find the entry locked
    RETRY = 10  # TDX: the next MapGPA calls make no progress
    PSC_ERROR = 11  # SNP: the next page state changes fail
    PSC_REWIND = 12  # SNP: the next page state change goes back
    KEEP = 13  # the page stayed accepted while it was shared (TDX) or unplugged
    IGNORE_UNPLUG = 14  # the memory stayed, though the guest gave it up


@with_plain_members
class Access(IntEnum):
    """Bits 7..0 of the detail of a fault or stop. ``enum access_kind``."""

    READ = 0
    WRITE = 1
    FETCH = 2
    WALK = 3
    INSTRUCTION = 4


CONVERT_IMPLICIT = 1 << 8
"""Bit 8 of the detail of a conversion: no request of the guest's; the host converted at an access (semantics.md 2.10.3)."""
ACCESS_DETAIL_PRIVATE = 1 << 8
"""Bit 8 of the detail of a fault or stop: the address was private (C=1, SHARED=0)."""

ACCESS_DETAIL_BEFORE_SHIFT = 16
"""Bits 23..16 of it: bytes of the access that lie in the page before; 0: none, or not known."""


@with_plain_members
class StopReason(IntEnum):
    """Result of a stop. ``enum stop_reason``."""

    NONE = 0
    NOT_ASSIGNED = 1
    NOT_RAM = 2
    SHARED_ACCESS = 3
    OWNER = 4
    VMPL = 5
    PENDING = 6
    BLOCKED = 7
    NO_PROGRESS = 8
    HANDLER = 9
    TRIPLE_FAULT = 10
    SAVE_AREA = 11


@with_plain_members
class CallerHow(IntEnum):
    """How the caller of an event was found. ``enum caller_how``."""

    NOT_KNOWN = 0  # null in the column: nobody said, or caller is 0
    EXACT = 1  # the return address of a call that begins here
    BY_CALL = 2  # behind a CALL of a function that only carries an accept out
    BY_SCAN = 3  # behind some CALL: the frame may be an old one
    GUESS = 4  # an address in the kernel's text, and no call returns to it


NO_CARRY = 0xFF
"""EVENT_NO_CARRY of the raw record; null in the parquet column."""

RAW_DTYPE = np.dtype(
    [
        ("seq", "<u8"),
        ("clock", "<u8"),
        ("gpa", "<u8"),
        ("size", "<u8"),
        ("result", "<u8"),
        ("rip", "<u8"),
        ("caller", "<u8"),
        ("detail", "<u8"),
        ("vcpu", "<u2"),
        ("kind", "u1"),
        ("stage", "u1"),
        ("carry", "u1"),
        ("caller_how", "u1"),
        ("reserved", "u1", (2,)),
    ]
)
"""``struct acc_event``: 72 bytes, little endian, no padding."""


def label(member: IntEnum) -> str:
    """Name of a kind, stage or reason as shown in tables and messages: ``dma-refused``."""
    return member.name.lower().replace("_", "-")


KIND_NAMES = [label(kind) for kind in Kind]
"""Dictionary of the ``kind`` column; the code in the raw record is the position plus one."""
STAGE_NAMES = [label(stage) for stage in Stage]
"""Dictionary of the ``stage`` column; the position is the code in the raw record."""
CALLER_HOW_NAMES = [label(how) for how in CallerHow if how]
"""Dictionary of the ``caller_how`` column; the code in the raw record is the position plus one."""

ARROW_SCHEMA = pa.schema(
    [
        pa.field("seq", pa.uint64(), nullable=False),
        pa.field("clock", pa.uint64(), nullable=False),
        pa.field("vcpu", pa.uint16(), nullable=False),
        pa.field("stage", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("kind", pa.dictionary(pa.int8(), pa.string()), nullable=False),
        pa.field("gpa", pa.uint64(), nullable=False),
        pa.field("size", pa.uint64(), nullable=False),
        pa.field("result", pa.uint64(), nullable=False),
        pa.field("carry", pa.uint8()),
        pa.field("rip", pa.uint64(), nullable=False),
        pa.field("caller", pa.uint64(), nullable=False),
        pa.field("caller_how", pa.dictionary(pa.int8(), pa.string())),
        pa.field("duration", pa.uint64()),
        pa.field("detail", pa.uint64(), nullable=False),
    ]
)
COLUMNS = ARROW_SCHEMA.names
ADDED_COLUMNS = frozenset({"caller_how"})
"""Columns that files of earlier recorders lack: null throughout."""
