# SPDX-License-Identifier: GPL-2.0-only
"""Nodes of a guest (NUMA): which memory and which vCPUs each has, and the table that says so (ACPI 6.5, section 5.2.16, SRAT)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.ranges import MIB, Range, round_down

NODES_MAX = 8
_BORDER = 128 * MIB
"""Nodes meet at a multiple of Linux's memory section (SECTION_SIZE_BITS)."""
_ENABLED, _HOT_PLUGGABLE = 1, 2


@dataclass(frozen=True)
class Node:
    """One node's memory at boot."""

    memory: tuple[Range, ...]


def nodes_of(ram: Sequence[Range], count: int) -> tuple[Node, ...]:
    """Divide RAM into so many nodes, as equal as their borders allow; none for one node, which needs no table.

    Raises BadInputError where a node would have less than a memory section.
    """
    if count == 1:
        return ()
    # Holes are in the node around them: Linux rejects a table that leaves out RAM.
    spans = _spans(ram)
    share = round_down(sum(item.size for item in spans) // count, _BORDER)
    if not share:
        raise BadInputError(
            f"--numa {count}: a node has at least {_BORDER // MIB}M; give more memory, or fewer nodes"
        )
    found: list[Node] = []
    for number in range(count):
        last = number == count - 1
        memory, spans = _taken(spans, None if last else share)
        found.append(Node(tuple(memory)))
    return tuple(found)


def _spans(ram: Sequence[Range]) -> list[Range]:
    """RAM below and above 4 GiB, each from its first to its last byte."""
    border = 4 << 30
    low = [item for item in ram if item.end <= border]
    high = [item for item in ram if item.start >= border]
    return [Range(part[0].start, part[-1].end) for part in (low, high) if part]


def _taken(spans: Sequence[Range], size: int | None) -> tuple[list[Range], list[Range]]:
    """The lowest so many bytes of the spans, or all, and the rest."""
    taken: list[Range] = []
    rest = list(spans)
    while rest and (size is None or size > 0):
        first = rest.pop(0)
        part = (
            first if size is None or first.size <= size else Range(first.start, first.start + size)
        )
        taken.append(part)
        if part.end < first.end:
            rest.insert(0, Range(part.end, first.end))
        size = None if size is None else size - part.size
    return taken, rest


def node_of_vcpu(vcpu: int, vcpus: int, nodes: int) -> int:
    """Return the node of a vCPU: neighbours are together."""
    return vcpu * nodes // max(vcpus, nodes)


def srat_body(nodes: Sequence[Node], vcpus: int, slots: Sequence[Range]) -> bytes:
    """Return the SRAT behind its header: vCPUs, each node's memory, and where memory may be plugged, in the last node."""
    parts = [struct.pack("<IQ", 1, 0)]
    parts += [_processor(vcpu, node_of_vcpu(vcpu, vcpus, len(nodes))) for vcpu in range(vcpus)]
    parts += [
        _memory(number, item, _ENABLED) for number, node in enumerate(nodes) for item in node.memory
    ]
    parts += [_memory(len(nodes) - 1, item, _ENABLED | _HOT_PLUGGABLE) for item in slots]
    return b"".join(parts)


def _processor(vcpu: int, node: int) -> bytes:
    """Processor local APIC affinity; the node's number is in two parts."""
    low, high = node & 0xFF, (node >> 8).to_bytes(3, "little")
    return struct.pack("<BBBBIB3sI", 0, 16, low, vcpu, _ENABLED, 0, high, 0)


def _memory(node: int, item: Range, flags: int) -> bytes:
    return struct.pack("<BBIHQQIIQ", 1, 40, node, 0, item.start, item.size, 0, flags, 0)
