# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import json
from pathlib import Path

import pytest

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.firmware.boot_handoff import Handoff, build_handoff
from acceptlab.toolkit.firmware.bzimage import BzImage
from acceptlab.toolkit.firmware.handoff_files import summary, write_handoff
from acceptlab.toolkit.firmware.layout import GuestRequest
from acceptlab.toolkit.firmware.memory_map import MemoryRequest, parse_policy
from acceptlab.toolkit.ranges import GIB


def handoff_of(kernel: BzImage, platform: str, policy: str) -> Handoff:
    memory = MemoryRequest(8 * GIB, parse_policy(policy))
    return build_handoff(GuestRequest(platform, kernel, b"initrd", "quiet", memory))


@pytest.fixture
def handoff(kernel: BzImage) -> Handoff:
    return handoff_of(kernel, "snp", "below-4g")


def test_every_blob_is_a_file_with_its_address(handoff: Handoff, tmp_path: Path) -> None:
    files = write_handoff(handoff, tmp_path / "made")
    assert [(path.read_bytes(), address) for path, address in files.loads] == [
        (blob.data, blob.address) for blob in handoff.blobs
    ]


def test_map_is_what_the_emulator_reads(handoff: Handoff, tmp_path: Path) -> None:
    files = write_handoff(handoff, tmp_path / "made")
    for line in files.map.read_text().splitlines():
        keyword, *numbers = line.split(" ")
        assert keyword == keyword.strip()
        assert len(numbers) == (2 if keyword in ("ram", "accepted", "gdt") else 1)
        assert all(number.startswith("0x") and int(number, 16) >= 0 for number in numbers)


def test_loader_arguments(handoff: Handoff, tmp_path: Path) -> None:
    files = write_handoff(handoff, tmp_path / "a,b")
    arguments = files.loader_arguments()
    assert arguments[::2] == ["-device"] * len(handoff.blobs)
    kernel = next(item for item in arguments if "kernel.bin" in item)
    assert kernel == f"loader,file={tmp_path}/a,,b/kernel.bin,addr=0x1000000,force-raw=on"


def test_only_a_plain_guest_starts_at_the_reset_vector(kernel: BzImage, tmp_path: Path) -> None:
    plain = write_handoff(handoff_of(kernel, "plain", "all"), tmp_path / "plain")
    snp = write_handoff(handoff_of(kernel, "snp", "all"), tmp_path / "snp")
    assert plain.rom.read_bytes()[-16] == 0xE9
    assert snp.rom.read_bytes() == b"\xf4" * (64 << 10)


def test_folder_that_is_there_already_stays_as_it_is(handoff: Handoff, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "mine").write_text("mine")
    with pytest.raises(MachineError, match="cannot write the boot handoff"):
        write_handoff(handoff, tmp_path / "made")
    assert [item.name for item in tmp_path.iterdir()] == ["made"]
    assert (tmp_path / "made" / "mine").read_text() == "mine"


def test_full_disk_leaves_nothing(
    handoff: Handoff, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _text: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(MachineError, match="No space left"):
        write_handoff(handoff, tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_summary_is_json_and_adds_up(handoff: Handoff) -> None:
    found = json.loads(json.dumps(summary(handoff)))
    assert found["accepted_bytes"] + found["unaccepted_bytes"] == found["ram_bytes"]
    assert found["unaccepted"] == [{"start": "0x100000000", "size": "0x140000000"}]
    assert found["entry"] == "0x1000200"
    assert {item["type"] for item in found["efi_memory_map"]} == {0, 1, 2, 5, 6, 7, 9, 10, 15}
