# SPDX-License-Identifier: GPL-2.0-only
"""Unmodified OVMF starts Debian's kernels: userspace, memory left unaccepted, a clean verdict, and firmware's acts on a list of their own."""

from __future__ import annotations

import pytest

from acceptlab.toolkit.firmware.efi_stub import read_efi_stub
from acceptlab.toolkit.firmware.firmware_launch import build_launch
from acceptlab.toolkit.firmware.ovmf_image import SevSection, TdxSection, read_image
from acceptlab.toolkit.firmware.ovmf_package import resolve
from acceptlab.toolkit.kernels.resolve import resolve as kernel_of
from acceptlab.toolkit.ranges import GIB, union
from tests.boots.conftest import Boot, BootGuest

KERNEL = "debian:6.12"
SHORT = ["--platform snp --memory 4G --firmware ovmf", "--platform tdx --memory 4G --firmware ovmf"]
LONG = [
    f"--platform {platform} --memory {memory} --cpus {cpus} --firmware {firmware}"
    for platform in ("snp", "tdx")
    for memory, cpus, firmware in (
        ("4G", 2, "ovmf"),
        ("16G", 4, "ovmf"),
        ("4G", 1, "ovmf:sid"),
        ("16G", 2, "ovmf:sid"),
    )
]
UNACCEPTED = 15


def check(boot: Boot) -> None:
    assert boot.run["outcome"] == "userspace", boot.output
    assert boot.verdict["verdict"] == "clean", boot.verdict
    left = boot.unaccepted_kib("start")
    assert left is not None and left > 0
    firmware = boot.run["firmware"]
    assert firmware["kernel_took_over"] is True
    assert (firmware["package"], bool(firmware["version"])) != ("", False)
    assert firmware["events"]["complete"] is True
    map_of_high = [
        size
        for start, size, kind in firmware["memory_map"]
        if kind == UNACCEPTED and start >= 4 * GIB
    ]
    assert sum(map_of_high) == boot.run["machine"]["memory"] - 2 * GIB
    assert boot.run["handoff"]["bitmap"]["phys_base"] == 4 * GIB
    assert any("2,05" in line and "accepted" in line for line in boot.verdict["firmware"])


@pytest.mark.parametrize("words", SHORT)
def test_userspace_by_firmware(boot: BootGuest, words: str) -> None:
    check(boot(KERNEL, *words.split()))


@pytest.mark.long
@pytest.mark.parametrize("kernel", [KERNEL, "debian:newest"])
@pytest.mark.parametrize("words", LONG)
def test_every_machine_by_firmware(boot: BootGuest, kernel: str, words: str) -> None:
    check(boot(kernel, *words.split()))


@pytest.mark.long
@pytest.mark.parametrize("cpus", [2, 4])
def test_vcpus_in_firmwares_mailbox_take_no_instructions(boot: BootGuest, cpus: int) -> None:
    words = ["--platform", "tdx", "--memory", "4G", "--firmware", "ovmf"]
    one, more = boot(KERNEL, *words), boot(KERNEL, *words, "--cpus", str(cpus))
    check(more)
    assert f"Brought up 1 node, {cpus} CPUs" in more.console
    alone, beside = (run.run["report"]["stages"]["decompressor"] for run in (one, more))
    assert beside < 1.2 * alone


@pytest.mark.long
@pytest.mark.parametrize("words", [*SHORT, "--platform tdx --memory 4G --cpus 2 --firmware ovmf"])
def test_two_runs_are_the_same_byte_for_byte(boot: BootGuest, words: str) -> None:
    one, other = boot(KERNEL, *words.split()), boot(KERNEL, *words.split(), again=1)
    for name in ("events.parquet", "firmware.parquet", "console.log"):
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes(), name


@pytest.mark.long
def test_known_defect_of_debian_12s_ovmf_is_not_the_kernels(boot: BootGuest) -> None:
    """ReserveEmuVariableNvStore() accesses memory before it is validated (tianocore/edk2 pull request 6285)."""
    run = boot(
        KERNEL,
        "--platform",
        "snp",
        "--memory",
        "4G",
        "--firmware",
        "ovmf:bookworm",
        "--time-limit",
        "300",
    )
    assert run.verdict["verdict"] == "undecided"
    assert run.verdict["findings"] == []
    assert (
        "firmware, not your kernel: it ended before a kernel took over" in run.verdict["headline"]
    )


@pytest.mark.parametrize("name", ["ovmf", "ovmf:sid"])
def test_debians_images_have_what_both_platforms_need(name: str) -> None:
    image = read_image(resolve(name).path)
    assert {SevSection.MEMORY, SevSection.SECRETS, SevSection.CPUID} <= {
        one.type for one in image.sev
    }
    assert {TdxSection.BOOT_VOLUME, TdxSection.TD_HOB, TdxSection.TEMPORARY_MEMORY} <= {
        one.type for one in image.tdx
    }
    for platform in ("snp", "tdx"):
        launch = build_launch(image, platform, 4 * GIB, None)
        assert union([*launch.ram, *launch.accepted, *launch.shared]) == launch.ram


def test_debians_kernel_has_a_stub_to_recognise() -> None:
    stub = read_efi_stub(kernel_of(KERNEL).image)
    assert 0 < stub.entry < stub.size
    assert len(set(stub.code)) > 8
