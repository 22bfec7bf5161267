# SPDX-License-Identifier: GPL-2.0-only
"""Devices reach shared memory only: fw_cfg's DMA interface and a virtio device (semantics.md 1.4, 2.3)."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE
from tests.emulator.bare_run import Setup
from tests.emulator.conftest import Boot

CONTROL, SHARED, PRIVATE, NEXT = (FRESH + n * PAGE for n in range(4))
SIGNATURE = int.from_bytes(b"QEMU", "little")
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
