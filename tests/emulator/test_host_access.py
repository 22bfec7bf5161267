# SPDX-License-Identifier: GPL-2.0-only
"""The host has no key: what it emulates for the guest never touches private memory."""

from __future__ import annotations

from tests.emulator.conftest import Boot

GUEST = {"snp": "ghcb_errors", "tdx": "accept_tdx"}
ADDRESS = 0x210000


def test_what_no_device_answers_reads_as_all_ones(bare: Boot, platform: str) -> None:
    run = bare(platform, GUEST[platform], "case_mmio_nowhere")
    assert (run.value("status"), run.value("read"), run.value("write")) == (0, 0xFFFFFFFF, 0)
    assert run.of("dma-refused") == []


def test_host_cannot_read_private_memory(bare: Boot, platform: str) -> None:
    run = bare(platform, GUEST[platform], "case_mmio_on_private")
    assert run.value("leaked") == 0
    assert run.value("read-status") != 0


def test_host_cannot_write_private_memory(bare: Boot, platform: str) -> None:
    run = bare(platform, GUEST[platform], "case_mmio_on_private")
    assert run.value("after") == 0x1122334455667788


def test_the_attempt_is_an_event(bare: Boot, platform: str) -> None:
    run = bare(platform, GUEST[platform], "case_mmio_on_private")
    refused = run.of("dma-refused")
    assert {event.gpa for event in refused} == {ADDRESS}
    assert {event.detail for event in refused} == {0, 1}
