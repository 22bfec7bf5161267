# SPDX-License-Identifier: GPL-2.0-only
"""ACPI memory devices as AML: taken apart by the encodings of the ACPI specification (chapter 20; section 6.4.3.5.1)."""

from __future__ import annotations

import struct

import pytest

from acceptlab.toolkit.firmware import aml
from acceptlab.toolkit.firmware.acpi import build_acpi
from acceptlab.toolkit.firmware.memory_devices import memory_devices
from acceptlab.toolkit.ranges import GIB, Range

SLOTS = (Range(4 * GIB, 5 * GIB), Range(6 * GIB, 6 * GIB + (128 << 20)))


def body_of(encoded: bytes, prefix: bytes) -> bytes:
    """What the PkgLength behind a prefix spans; it must be all that is left."""
    assert encoded.startswith(prefix)
    rest = encoded[len(prefix) :]
    extra = rest[0] >> 6
    if extra:
        length = rest[0] & 0xF | int.from_bytes(rest[1 : 1 + extra], "little") << 4
    else:
        length = rest[0]
    assert length == len(rest)
    return rest[1 + extra :]


def test_no_slot_is_no_device() -> None:
    assert memory_devices(()) == b""
    plain, same = (build_acpi(0, 1, 0, memory_slots=slots).data for slots in ((), ()))
    assert plain == same
    assert len(build_acpi(0, 1, 0, memory_slots=SLOTS).data) > len(plain)


def test_each_slot_has_a_device_with_its_range() -> None:
    made = memory_devices(SLOTS)
    assert made.count(aml.name("_HID", aml.eisa_id("PNP0C80"))) == len(SLOTS)
    for item in SLOTS:
        head = struct.pack("<BHB", 0x8A, 43, 0)
        assert head in made
        assert struct.pack("<QQQQQ", 0, item.start, item.end - 1, 0, item.size) in made


def test_range_is_cacheable_writable_memory_with_fixed_ends() -> None:
    one = aml.memory64(4 * GIB, GIB)
    assert len(one) == 3 + 43
    kind, general, specific = one[3:6]
    assert (kind, general & 0x0C, specific) == (0, 0x0C, 0x03)


def test_method_has_its_arguments_and_is_serialized_where_it_says() -> None:
    body = body_of(aml.method("_EVT", 1, aml.result(aml.integer(0)), serialized=True), b"\x14")
    assert body == b"_EVT" + bytes([1 | 8]) + b"\xa4\x00"
    assert body_of(aml.method("_STA", 0), b"\x14") == b"_STA\0"


def test_region_lies_in_system_memory_and_its_words_have_32_bits() -> None:
    assert (
        aml.region("MREG", 0xFEA10000, 16)
        == b"\x5b\x80MREG\0" + b"\x0c\x00\x00\xa1\xfe" + b"\x0a\x10"
    )
    body = body_of(aml.words("MREG", "PRE0", "NOT0"), b"\x5b\x81")
    assert body == b"MREG" + b"\x03" + b"PRE0\x20" + b"NOT0\x20"


def test_condition_spans_what_it_guards() -> None:
    guarded = aml.notify("MEM0", 3)
    body = body_of(aml.when(aml.equal(aml.LOCAL0, aml.integer(3)), guarded), b"\xa0")
    assert body == b"\x93\x60\x0a\x03" + b"\x86MEM0\x0a\x03"


@pytest.mark.parametrize("value", [1, 3])
def test_event_device_passes_every_notification_on_to_every_slot(value: int) -> None:
    made = memory_devices(SLOTS)
    for slot in range(len(SLOTS)):
        assert aml.notify(f"MEM{slot}", value) in made


def test_event_device_has_the_machine_s_edge_triggered_interrupt() -> None:
    assert aml.interrupt(9, edge=True) in memory_devices(SLOTS)
    assert aml.interrupt(9, edge=True)[3] & 2
    assert not aml.interrupt(9)[3] & 2
