# SPDX-License-Identifier: GPL-2.0-only
"""Making a guest, looking at it, and what a large one costs; the same for both platforms."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests import peak_memory
from tests.model.guest import Layout
from tests.model.names import Kind
from tests.model.snp_guest import Snp
from tests.model.structs import PAGE, UNIT
from tests.model.td import Tdx

GIB = 1 << 30
TOP = 8 * UNIT
Guest = type[Snp] | type[Tdx]
both = pytest.mark.parametrize("guest", [Snp, Tdx])


def add_ram(vm: Snp | Tdx, start: int, size: int) -> int:
    return vm.act("vm_add_ram", start, size)


@both
@pytest.mark.parametrize(
    ("start", "size"),
    [
        (2 * UNIT, 0),
        (2 * UNIT + 1, PAGE),
        (2 * UNIT, PAGE + 8),
        (UNIT - PAGE, 2 * PAGE),  # overlaps the first range
        (0, PAGE),
        (4 * UNIT - PAGE, 2 * PAGE),  # overlaps the second
        (TOP, PAGE),
        (TOP - PAGE, 2 * PAGE),
        ((1 << 64) - PAGE, 2 * PAGE),
    ],
)
def test_bad_ram_is_refused(guest: Guest, start: int, size: int) -> None:
    vm = guest(Layout(ram=((0, UNIT), (4 * UNIT, UNIT))), top=TOP)
    before = vm.runs()
    assert add_ram(vm, start, size) == -1
    assert vm.runs() == before


@both
def test_touching_ranges_are_one(guest: Guest) -> None:
    vm = guest(Layout(ram=((0, UNIT),)), top=TOP)
    assert add_ram(vm, 3 * UNIT, UNIT) == 0
    assert add_ram(vm, 2 * UNIT, UNIT) == 0
    assert vm.runs() == [(0, UNIT, 0), (2 * UNIT, 2 * UNIT, 0)]
    assert add_ram(vm, UNIT, UNIT) == 0
    assert vm.runs() == [(0, 4 * UNIT, 0)]


@both
def test_no_more_than_128_ranges(guest: Guest) -> None:
    vm = guest(Layout(ram=((0, PAGE),)), top=TOP)
    added = [add_ram(vm, n * 2 * PAGE, PAGE) for n in range(1, 200)]
    assert added == [0] * 127 + [-1] * 72


@both
def test_launch_and_share_outside_ram_or_twice(guest: Guest) -> None:
    vm = guest(Layout(ram=((0, 2 * UNIT),), accepted=((UNIT, UNIT),), shared=((0, PAGE),)))
    for name in ("vm_launch", "vm_share"):
        for start, size in ((2 * UNIT, PAGE), (8, PAGE), (0, 0), (UNIT, PAGE)):
            assert vm.act(name, start, size) == -1
    assert vm.act("vm_launch", 0, PAGE) == -1
    assert vm.runs() == [(0, UNIT, 0), (UNIT, UNIT, 2)]


@pytest.mark.parametrize(
    "config",
    [
        {"top": 0},
        {"top": PAGE + 1},
        {"top": (1 << 48) + PAGE},
        {"asid": 0},
        {"vcpus": 0},
        {"vcpus": 257},
    ],
)
def test_bad_snp_configuration(config: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="refuses"):
        Snp(Layout(ram=((0, UNIT),)), **config)


@pytest.mark.parametrize(
    "config",
    [
        {"top": 0},
        {"top": PAGE + 1},
        {"top": (1 << 47) + PAGE},
        {"gpaw": 49},
        {"vcpus": 0},
        {"vcpus": 257},
        {"map_gpa_chunk": 100},
    ],
)
def test_bad_tdx_configuration(config: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="refuses"):
        Tdx(Layout(ram=((0, UNIT),)), **config)


@both
def test_advance_assigns_all_but_launched_and_shared(guest: Guest) -> None:
    vm = guest(
        Layout(ram=((0, 3 * UNIT),), accepted=((UNIT, PAGE),), shared=((2 * UNIT, PAGE),)),
        assign_advance=1,
    )
    assert vm.runs() == [
        (0, UNIT, 1),
        (UNIT, PAGE, 2),
        (UNIT + PAGE, UNIT - PAGE, 1),
        (2 * UNIT, PAGE, 0),
        (2 * UNIT + PAGE, UNIT - PAGE, 1),
    ]
    ranges = [(e.gpa, e.size) for e in vm.events()]
    assert ranges == [(start, size) for start, size, state in vm.runs() if state == 1]


def test_host_tells_of_each_run_that_it_takes_back() -> None:
    """Of a unit that becomes shared, only pages 1, 2 and 4 were ever assigned."""
    vm = Tdx(Layout(ram=((0, 2 * UNIT),)), backing_4k=1)
    for page in (1, 2, 4):
        vm.access(UNIT + page * PAGE)
    vm.events()
    vm.map_gpa(UNIT | vm.shared_bit, UNIT)
    removed = [(e.gpa - UNIT, e.size) for e in vm.events() if e.kind == Kind.REMOVE]
    assert removed == [(PAGE, 2 * PAGE), (4 * PAGE, PAGE)]


@both
def test_host_may_access_only_shared_ram(guest: Guest) -> None:
    vm = guest(
        Layout(ram=((0, 4 * UNIT),), accepted=((0, UNIT),), shared=((UNIT, UNIT + 2 * PAGE),))
    )

    def touch(start: int, size: int) -> int:
        return vm.act("host_may_access", start, size)

    assert touch(UNIT, UNIT + 2 * PAGE) == 1
    assert touch(UNIT + 100, 1) == 1
    for start, size in (
        (UNIT - 1, 2),
        (2 * UNIT + PAGE, PAGE + 1),
        (0, 1),
        (4 * UNIT, 1),
        (UNIT, 0),
        (UNIT, (1 << 64) - 1),
    ):
        assert touch(start, size) == 0


def test_describe_snp() -> None:
    vm = Snp(Layout(ram=((0, 4 * UNIT),), accepted=((0, UNIT),), shared=((UNIT, PAGE),)))
    assert vm.describe(PAGE) == (
        "private, validated; RMP: 2M page of ASID 1 at GPA 0x1000, VMPL permissions 1f 00 00 00"
    )
    assert vm.describe(UNIT) == "shared (owned by the host)"
    assert vm.describe(2 * UNIT) == "private, not assigned"
    assert vm.describe(4 * UNIT) == "not RAM"
    vm.access(2 * UNIT)
    assert vm.describe(2 * UNIT).startswith("private, not validated; RMP: 2M page")


def test_describe_tdx() -> None:
    vm = Tdx(Layout(ram=((0, 4 * UNIT),), accepted=((0, UNIT),), shared=((UNIT, PAGE),)))
    assert vm.describe(PAGE) == "private, accepted; secure EPT: MAPPED at 2M"
    assert vm.describe(UNIT) == "shared (owned by the host); secure EPT: FREE at 2M"
    assert vm.describe(2 * UNIT) == "private, not added; secure EPT: FREE at 2M"
    assert vm.describe(4 * UNIT).startswith("not RAM")
    vm.access(2 * UNIT)
    assert vm.describe(2 * UNIT) == "private, pending; secure EPT: PENDING at 2M"


def snp_accept(vm: Snp, gpa: int) -> None:
    assert vm.pvalidate(gpa, 1, 1)[1].eax == 0


def tdx_accept(vm: Tdx, gpa: int) -> None:
    assert vm.accept(gpa | 1)[1] == 0


@pytest.mark.parametrize(("guest", "accept"), [(Snp, snp_accept), (Tdx, tdx_accept)])
def test_a_large_guest_costs_little(guest: Guest, accept: Callable[..., None]) -> None:
    """256 GiB with 2M pages: a look at all of it is quick, and untouched memory is free."""
    layout = Layout(ram=((0, 3 * GIB), (4 * GIB, 253 * GIB)))
    with peak_memory.growth() as grown:
        vm = guest(layout)
        for index in range(250):
            accept(vm, 4 * GIB + index * GIB)
        start = time.process_time()
        runs = vm.runs()
        assert time.process_time() - start < 2
    assert sum(size for _, size, _ in runs) == 256 * GIB
    assert sum(size for _, size, state in runs if state == 2) == vm.accepted() == 250 * UNIT
    assert grown.bytes < 50 << 20  # the recorder of the tests takes part of it
