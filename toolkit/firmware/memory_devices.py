# SPDX-License-Identifier: GPL-2.0-only
"""ACPI memory devices: memory that the host may add and remove while the guest runs.

ACPI 6.5, sections 5.6.6 (notification values), 5.6.9 (generic event device), 6.3.3 (_EJx), 9.11.3 (memory devices). The registers are
those of emulator/qemu/hotplug.c, the event register and its interrupt those of QEMU (include/hw/i386/microvm.h,
include/hw/acpi/generic_event_device.h).
"""

from __future__ import annotations

from collections.abc import Sequence

from acceptlab.toolkit.firmware import aml
from acceptlab.toolkit.ranges import Range

SLOTS_MAX = 8
REGISTERS = 0xFEA10000
"""Four 32-bit words for each slot: whether it is present, what to notify of, eject, and one that is free."""
_SLOT_REGISTERS = 16
_EVENTS = 0xFEA00000
_EVENTS_SIZE = 4
_EVENT_MEMORY = 1
_INTERRUPT = 9
_NOTIFICATIONS = (1, 3)
"""Device check, eject request."""
_PRESENT = 0xF


def memory_devices(slots: Sequence[Range], node: int | None = None) -> bytes:
    """Return the terms that declare a memory device for each slot, and the event device that speaks for them; none for no slot.

    ``node`` is that of all slots; None in a guest without nodes.
    """
    if not slots:
        return b""
    names = [
        word
        for slot in range(len(slots))
        for word in (_present(slot), _value(slot), _eject(slot), f"FRE{slot}")
    ]
    return b"".join(
        (
            aml.region("MREG", REGISTERS, _SLOT_REGISTERS * len(slots)),
            aml.words("MREG", *names),
            *(_memory_device(slot, item, node) for slot, item in enumerate(slots)),
            _event_device(len(slots)),
        )
    )


def _present(slot: int) -> str:
    return f"PRE{slot}"


def _value(slot: int) -> str:
    return f"NOT{slot}"


def _eject(slot: int) -> str:
    return f"EJE{slot}"


def _device(slot: int) -> str:
    return f"MEM{slot}"


def _memory_device(slot: int, item: Range, node: int | None) -> bytes:
    return aml.device(
        _device(slot),
        aml.name("_HID", aml.eisa_id("PNP0C80")),
        aml.name("_UID", aml.integer(slot)),
        aml.name("_CRS", aml.resources(aml.memory64(item.start, item.size))),
        aml.method(
            "_STA",
            0,
            aml.when(aml.reference(_present(slot)), aml.result(aml.integer(_PRESENT))),
            aml.result(aml.integer(0)),
        ),
        aml.name("_PXM", aml.integer(node)) if node is not None else b"",
        aml.method("_EJ0", 1, aml.store(aml.integer(1), aml.reference(_eject(slot)))),
    )


def _event_device(slots: int) -> bytes:
    """The device behind the interrupt: its _EVT passes on what the host has to say of each slot."""
    scan = []
    for slot in range(slots):
        scan.append(aml.store(aml.reference(_value(slot)), aml.LOCAL0))
        scan += [
            aml.when(aml.equal(aml.LOCAL0, aml.integer(value)), aml.notify(_device(slot), value))
            for value in _NOTIFICATIONS
        ]
    return aml.device(
        "GED_",
        aml.name("_HID", aml.string("ACPI0013")),
        aml.name("_UID", aml.integer(0)),
        aml.name("_CRS", aml.resources(aml.interrupt(_INTERRUPT, edge=True))),
        aml.region("EREG", _EVENTS, _EVENTS_SIZE),
        aml.words("EREG", "ESEL"),
        aml.method(
            "_EVT",
            1,
            aml.when(aml.both(aml.reference("ESEL"), aml.integer(_EVENT_MEMORY)), *scan),
            serialized=True,
        ),
    )
