# SPDX-License-Identifier: GPL-2.0-only
"""Nodes of a guest: how its memory and its vCPUs are divided, and the SRAT, read back by the ACPI specification (5.2.16)."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware.acpi import build_acpi
from acceptlab.toolkit.firmware.numa import node_of_vcpu, nodes_of, srat_body
from acceptlab.toolkit.ranges import GIB, MIB, Range
from acceptlab.toolkit.run.options import RunOptions

LOW = [Range(0, 0xA0000), Range(MIB, 3 * GIB)]
RAM = [*LOW, Range(4 * GIB, 7 * GIB)]
SLOT = Range(8 * GIB, 9 * GIB)


def affinities(body: bytes) -> tuple[dict[int, int], list[tuple[int, int, int, int]]]:
    """The node of each APIC id; node, start, size and flags of each range of memory."""
    assert struct.unpack_from("<IQ", body) == (1, 0)
    vcpus, memory, at = {}, [], 12
    while at < len(body):
        kind, length = body[at], body[at + 1]
        if kind == 0:
            assert length == 16
            node, apic, flags = struct.unpack_from("<BBI", body, at + 2)
            assert flags == 1
            vcpus[apic] = node
        else:
            assert (kind, length) == (1, 40)
            node, _, start, size, _, flags = struct.unpack_from("<IHQQII", body, at + 2)
            memory.append((node, start, size, flags))
        at += length
    assert at == len(body)
    return vcpus, memory


def test_one_node_needs_no_table() -> None:
    assert nodes_of(RAM, 1) == ()
    assert b"SRAT" not in build_acpi(0, 1, 0).data


def test_two_nodes_have_half_of_the_memory_each() -> None:
    first, second = nodes_of(RAM, 2)
    assert first.memory == (Range(0, 3 * GIB),)
    assert second.memory == (Range(4 * GIB, 7 * GIB),)


def test_a_node_may_lie_on_both_sides_of_4_gib() -> None:
    assert nodes_of([*LOW, Range(4 * GIB, 5 * GIB)], 2)[1].memory == (
        Range(2 * GIB, 3 * GIB),
        Range(4 * GIB, 5 * GIB),
    )


@given(st.integers(1, 8), st.integers(1, 512), st.integers(0, 512))
def test_every_byte_is_in_one_node_and_borders_are_those_of_sections(
    count: int, low: int, high: int
) -> None:
    ram = [Range(0, min(low, 24) * 128 * MIB)]
    ram += [Range(4 * GIB, 4 * GIB + high * 128 * MIB)] if high else []
    if sum(item.size for item in ram) < count * 128 * MIB:
        with pytest.raises(BadInputError, match="a node has at least 128M"):
            nodes_of(ram, count)
        return
    parts = [item for node in nodes_of(ram, count) for item in node.memory]
    if count > 1:
        assert sum(item.size for item in parts) == sum(item.size for item in ram)
        assert all(item.start % (128 * MIB) == 0 == item.end % (128 * MIB) for item in parts)
        assert parts == sorted(parts)


def test_srat_has_every_vcpu_and_all_memory() -> None:
    vcpus, memory = affinities(srat_body(nodes_of(RAM, 2), 4, (SLOT,)))
    assert vcpus == {0: 0, 1: 0, 2: 1, 3: 1}
    assert memory == [
        (0, 0, 3 * GIB, 1),
        (1, 4 * GIB, 3 * GIB, 1),
        (1, SLOT.start, SLOT.size, 3),
    ]


@pytest.mark.parametrize(("vcpus", "nodes"), [(1, 2), (2, 4), (5, 2), (16, 3)])
def test_vcpus_are_divided_in_order(vcpus: int, nodes: int) -> None:
    found = [node_of_vcpu(vcpu, vcpus, nodes) for vcpu in range(vcpus)]
    assert found == sorted(found)
    assert found[0] == 0
    assert max(found) < nodes


def test_tables_list_the_srat_and_the_slot_has_its_node() -> None:
    with_nodes = build_acpi(0, 2, 0, memory_slots=(SLOT,), nodes=nodes_of(RAM, 2))
    assert "SRAT" in with_nodes.offsets
    assert b"_PXM\x01" in with_nodes.data
    assert b"_PXM" not in build_acpi(0, 2, 0, memory_slots=(SLOT,)).data
    start = with_nodes.offsets["SRAT"]
    length = struct.unpack_from("<I", with_nodes.data, start + 4)[0]
    assert sum(with_nodes.data[start : start + length]) % 256 == 0


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"numa": 0}, "must be 1 to 8"),
        ({"numa": 9}, "must be 1 to 8"),
        ({"numa": 2, "memory": "200M"}, "at least 128M"),
        ({"numa": 2, "firmware": "ovmf"}, "only for a boot handoff"),
    ],
)
def test_what_is_refused(more: dict[str, object], why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        RunOptions("k", **more)  # type: ignore[arg-type]
