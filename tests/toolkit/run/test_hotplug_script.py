# SPDX-License-Identifier: GPL-2.0-only
"""Memory that comes and goes as text: where it goes, what the emulator gets, and what is refused in one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.firmware import memory_devices
from acceptlab.toolkit.places import CHECKOUT
from acceptlab.toolkit.ranges import GIB, MIB, Range
from acceptlab.toolkit.run.emulator_command import RunFiles
from acceptlab.toolkit.run.hotplug import Script, parse_script
from acceptlab.toolkit.run.options import RunOptions

RAM = [Range(0, 0xA0000), Range(MIB, 2 * GIB)]
GLUE = "".join(
    (CHECKOUT / "emulator" / "qemu" / name).read_text() for name in ("hotplug.c", "memory-slots.h")
)


def script(*texts: str, ram: list[Range] | None = None, platform: str = "tdx") -> Script:
    return parse_script(texts, ram or RAM, platform)


def test_nothing_is_planned_without_a_step() -> None:
    assert script() == Script()
    assert script().machine_size == 0


def test_memory_is_added_above_4_gib() -> None:
    made = script("userspace add 1G")
    assert made.slots == (Range(4 * GIB, 5 * GIB),)
    assert made.lines == ("userspace add 0",)
    assert made.machine_size == 4 * GIB, "1 GiB above 4 GiB, and 3 GiB below"


def test_memory_is_added_behind_all_ram_on_a_border_of_the_largest_block() -> None:
    high = [*RAM, Range(4 * GIB, 5 * GIB + 8 * MIB)]
    assert script("kernel add 128M", ram=high).slots == (Range(6 * GIB, 6 * GIB + 128 * MIB),)


def test_several_ranges_follow_each_other() -> None:
    made = script("userspace add 128M", "+1s add 256M", "+500ms add 128M")
    assert [item.size // MIB for item in made.slots] == [128, 256, 128]
    assert all(one.end == two.start for one, two in zip(made.slots, made.slots[1:], strict=False))
    assert made.lines == ("userspace add 0", "+1000000000 add 1", "+500000000 add 2")


def test_a_removal_is_of_what_was_added_last_and_a_replug_goes_where_it_was() -> None:
    made = script(
        "userspace add 128M", "+1s add 256M", "+1s remove", "+1s add 256M", "+1s add 128M"
    )
    assert [line.split(maxsplit=1)[1] for line in made.lines] == [
        "add 0",
        "add 1",
        "remove 1",
        "add 1",
        "add 2",
    ]


@pytest.mark.parametrize(
    ("word", "act"),
    [("remove-ignored", "ignore"), ("remove-kept", "keep"), ("remove-swapped", "swap")],
)
def test_a_malicious_host_is_so_before_it_requests_the_memory(word: str, act: str) -> None:
    made = script("userspace add 128M", f"+2s {word}")
    assert made.lines[1:] == (f"+2000000000 {act} 0", "+0 remove 0")


def test_a_virtio_mem_device_is_as_large_as_the_largest_size() -> None:
    made = script("userspace resize 256M", "+1s resize 1G", "+1s resize 0")
    assert (made.slots, made.virtio_slot) == ((Range(4 * GIB, 5 * GIB),), 0)
    assert made.lines == (
        f"userspace resize 0 {256 * MIB}", f"+1000000000 resize 0 {GIB}", "+1000000000 resize 0 0",
    )  # fmt: skip
    assert script("userspace add 1G").virtio_slot is None


def test_a_malicious_host_of_a_virtio_mem_device() -> None:
    made = script("userspace resize 256M", "+1s resize-kept 0")
    assert made.lines[1:] == ("+1000000000 keep 0", "+0 resize 0 0")


def test_what_a_host_ignored_is_still_there() -> None:
    made = script("userspace add 128M", "+1s remove-ignored", "+1s add 128M")
    assert made.lines[-1].endswith("add 1")


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (("userspace add",), "must be 'WHEN add SIZE'"),
        (("userspace remove 1G",), "must be 'WHEN add SIZE'"),
        (("noon add 1G",), "'noon' is no moment"),
        (("+1s add 1G",), "'+1s' is no moment"),
        (("userspace add 1G", "+1m remove"), "'+1m' is no moment"),
        (("userspace add 100M",), "a multiple of 128M"),
        (("userspace add 0",), "a multiple of 128M"),
        (("userspace add lots",), "is not a size"),
        (("userspace remove",), "no memory has been added"),
        (("userspace add 1G", "+1s remove", "+1s remove"), "no memory has been added"),
        (("userspace resize 1G", "+1s remove"), "every step must be 'WHEN resize SIZE'"),
        (("userspace resize 100M",), "a multiple of 128M"),
        (("userspace resize 0",), "one of the sizes must be more than 0"),
        (("+1s resize 1G",), "'+1s' is no moment"),
        (("userspace add 1G", "+1s burn"), "'burn' is no act"),
        (("userspace add 128M",) * 9, "at most 8 ranges"),
        (("userspace add 128M",) * 33, "at most 32"),
        (("userspace add 200T",), "47-bit address width"),
    ],
)
def test_what_is_refused(texts: tuple[str, ...], why: str) -> None:
    with pytest.raises(BadInputError) as caught:
        script(*texts)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_large_guest_has_large_memory_blocks() -> None:
    large = [*RAM, Range(4 * GIB, 68 * GIB)]
    assert script("userspace add 2G", ram=large).slots == (Range(68 * GIB, 70 * GIB),)
    with pytest.raises(BadInputError, match="a multiple of 2048M"):
        script("userspace add 1G", ram=large)


def test_the_kernel_is_told_where_and_brings_the_memory_online() -> None:
    words = RunOptions("k", memory="2G", hotplug=("userspace add 1G",)).command_line.split()
    assert "acceptlab.hotplug=0x100000000" in words
    assert "memhp_default_state=online_movable" in words
    own = RunOptions(
        "k", memory="2G", hotplug=("userspace add 1G",), append="memhp_default_state=offline"
    )
    assert [word for word in own.command_line.split() if word.startswith("memhp")] == [
        "memhp_default_state=offline"
    ]
    assert "hotplug" not in RunOptions("k", memory="2G").command_line


@pytest.mark.parametrize(
    ("more", "why"),
    [({"platform": "plain", "firmware_accepts": "all"}, "only for snp"), ({"firmware": "ovmf"}, "only for a boot handoff")],
)  # fmt: skip
def test_guests_that_have_none(more: dict[str, str], why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        RunOptions("k", memory="2G", hotplug=("userspace add 1G",), **more)  # type: ignore[arg-type]


def test_a_line_reproduces_it() -> None:
    asked = RunOptions("k", memory="2G", hotplug=("userspace add 1G", "+5s remove"))
    assert RunOptions.of_line(asked.reproduce("k")) == asked


def test_the_emulator_s_limits_and_registers_are_ours() -> None:
    assert int(re.findall(r"#define MEMORY_SLOTS_MAX (\d+)", GLUE)[0]) == memory_devices.SLOTS_MAX
    base = re.findall(r"#define REGISTERS_BASE (0x\w+)ULL", GLUE)[0]
    assert int(base, 16) == memory_devices.REGISTERS


def test_the_emulator_s_file_lies_in_the_run_folder() -> None:
    assert RunFiles(Path("/r")).hotplug == Path("/r/handoff/hotplug")
