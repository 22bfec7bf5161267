# SPDX-License-Identifier: GPL-2.0-only
"""Devices reach shared memory only: fw_cfg's DMA interface, and virtio devices (semantics.md 1.4, 2.3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE
from tests.emulator.bare_run import Setup
from tests.emulator.conftest import Boot

CONTROL, SHARED, PRIVATE, NEXT = (FRESH + n * PAGE for n in range(4))
SIGNATURE = int.from_bytes(b"QEMU", "little")
TEXT = b"a sector"
DEVICE_READS, DEVICE_WRITES = 0, 1
VIRTIO = Setup(
    devices=("-global", "virtio-mmio.force-legacy=false", "-device", "virtio-rng-device")
)


def exit_instruction(platform: str) -> str:
    """Return the symbol of the instruction by which the guest asks its host."""
    return "at_vmgexit" if platform == "snp" else "at_tdcall"


def test_dma_into_shared_memory_works(bare: Boot, platform: str) -> None:
    run = bare(platform, "dma", "case_shared")
    assert (run.value("control"), run.value("data")) == (0, SIGNATURE)
    assert run.of("dma-refused") == []


@pytest.mark.parametrize(
    ("case", "page", "data"),
    [
        ("write_private", PRIVATE, 0x1122334455667788),
        ("write_unaccepted", NEXT, None),
        ("write_across", PRIVATE, 0),
        ("after_conversion", SHARED, 0x55),
    ],
)
def test_dma_into_private_memory_is_refused(
    bare: Boot, platform: str, case: str, page: int, data: int | None
) -> None:
    run = bare(platform, "dma", f"case_{case}")
    refused = run.only("dma-refused")
    assert (refused.gpa, refused.size, refused.detail) == (page, PAGE, DEVICE_WRITES)
    assert refused.rip == run.at(exit_instruction(platform))
    if data is not None:
        assert run.value("data") == data, "the device wrote all the same"
    assert run.outcome == "shutdown", "the guest is not to blame"


def test_dma_out_of_private_memory_is_refused(bare: Boot, platform: str) -> None:
    run = bare(platform, "dma", "case_read_private")
    refused = run.of("dma-refused")
    assert {event.gpa for event in refused} == {PRIVATE}
    assert refused[0].detail == DEVICE_READS
    assert run.value("data") == 0


def test_virtio_device_with_shared_ring_and_buffer_works(bare: Boot, platform: str) -> None:
    run = bare(platform, "dma", "case_virtio_shared", VIRTIO)
    assert run.value("device") != 0
    assert (run.value("used"), run.value("filled")) == (1, 1)
    assert run.of("dma-refused") == []


def test_virtio_device_cannot_fill_a_private_buffer(bare: Boot, platform: str) -> None:
    run = bare(platform, "dma", "case_virtio_private_buffer", VIRTIO)
    assert run.value("filled") == 0
    refused = run.of("dma-refused")
    assert refused
    assert {(event.gpa, event.detail) for event in refused} == {(PRIVATE, DEVICE_WRITES)}


def test_virtio_device_cannot_read_a_private_ring(bare: Boot, platform: str) -> None:
    run = bare(platform, "dma", "case_virtio_private_ring", VIRTIO)
    assert (run.value("used"), run.value("filled")) == (0, 0)
    refused = run.of("dma-refused")
    assert refused
    assert (refused[0].gpa, refused[0].detail) == (PRIVATE, DEVICE_READS)


def with_disk(tmp_path: Path) -> Setup:
    """A disk as `run --root` has it (toolkit.run.emulator_command), of one sector that begins with TEXT."""
    image = tmp_path / "image"
    image.write_bytes(TEXT + bytes(504))
    return Setup(
        devices=(
            *("-global", "virtio-mmio.force-legacy=off", "-global", "virtio-mmio.ioeventfd=off"),
            *("-drive", f"if=none,id=root,driver=guest-disk,filename={image},read-only=on"),
            *("-device", "virtio-blk-device,drive=root,iommu_platform=on,write-cache=off"),
        )
    )


def test_disk_reads_into_shared_memory(bare: Boot, platform: str, tmp_path: Path) -> None:
    run = bare(platform, "dma", "case_disk_shared", with_disk(tmp_path))
    assert (run.value("used"), run.value("read")) == (1, int.from_bytes(TEXT, "little"))
    assert run.of("dma-refused") == []


def test_disk_cannot_fill_a_private_buffer(bare: Boot, platform: str, tmp_path: Path) -> None:
    run = bare(platform, "dma", "case_disk_private_buffer", with_disk(tmp_path))
    assert run.value("filled") == 0
    refused = run.of("dma-refused")
    assert refused
    assert {(event.gpa, event.detail) for event in refused} == {(PRIVATE, DEVICE_WRITES)}
