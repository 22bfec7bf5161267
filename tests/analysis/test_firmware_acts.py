# SPDX-License-Identifier: GPL-2.0-only
"""Real firmware's acts: listed, and never a finding about the kernel."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import judge, replay_run
from acceptlab.analysis.invariants.verdict import Verdict
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.run.run_info import EventsInfo, Firmware
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE, ConvertTo, Kind
from acceptlab.analysis.trace.stream import convert_raw
from tests.analysis.synthetic import MIB, Guest, booted

CONVENTIONAL, UNACCEPTED, RESERVED = 7, 15, 0
IMPLICIT = 1 << 8


def firmware_of(guest: Guest) -> Guest:
    """Return firmware that accepts what the guest's handoff has as accepted."""
    acting = Guest(platform=guest.platform, layout=replace(guest.layout, low=MIB))
    acting.rows = [row for row in acting.rows if row[9] == Kind.RAM]
    for start, size in guest.layout.accepted:
        for at in range(start, start + size, UNIT_SIZE):
            part = min(UNIT_SIZE, start + size - at)
            acting.event(Kind.ASSIGN, at, part)
            acting.accept_block(at, part)
    return acting


def map_of(guest: Guest) -> list[tuple[int, int, int]]:
    return [
        *((start, size, CONVENTIONAL) for start, size in guest.layout.accepted),
        *((start, size, UNACCEPTED) for start, size in guest.layout.unaccepted),
    ]


def written(
    guest: Guest,
    folder: Path,
    firmware: Guest,
    memory_map: list[tuple[int, int, int]] | None = None,
    took_over: bool = True,
) -> Path:
    firmware.event(Kind.END, detail=len(firmware.rows))
    folder.mkdir(parents=True)
    raw = folder / "firmware.raw"
    firmware.records().tofile(raw)
    events = convert_raw(raw, folder / "firmware.parquet")
    raw.unlink()
    about = Firmware(
        name="ovmf",
        package="ovmf",
        version="1",
        kernel_took_over=took_over,
        memory_map=tuple(map_of(guest) if memory_map is None else memory_map),
        events=EventsInfo(events.events, events.complete, events.problem, events.sha256),
    )
    return guest.write(folder, firmware=about)


def judged(folder: Path) -> Verdict:
    return judge(Run.open(folder))


def wrong(verdict: Verdict) -> list[str]:
    return [line for line in verdict.firmware if line.startswith("firmware, not your kernel: ")]


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_firmware_by_the_book_has_one_line(tmp_path: Path, platform: str) -> None:
    guest = booted(platform=platform)
    verdict = judged(written(guest, tmp_path / "run", firmware_of(guest)))
    assert (verdict.verdict, wrong(verdict)) == ("clean", [])
    assert verdict.firmware[0].startswith(
        "firmware: ovmf 1: accepted 31.6 MiB (15 x 2M, 2 x 4K), 0 conversions"
    )


def test_verdict_json_has_the_lines(tmp_path: Path) -> None:
    guest = booted()
    folder = written(guest, tmp_path / "run", firmware_of(guest))
    replay_run(folder)
    assert "not your kernel" not in (folder / "verdict.json").read_text()
    assert '"firmware": [' in (folder / "verdict.json").read_text()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda one: one.event(Kind.CIPHERTEXT, 4 * MIB, 1), "read 1 page of its own private memory"),
        (lambda one: one.event(Kind.DMA_REFUSED, 4 * MIB, PAGE_SIZE), "had a device access 1 page"),
        (
            lambda one: one.event(Kind.CONVERT, 4 * MIB, PAGE_SIZE, detail=ConvertTo.SHARED | IMPLICIT),
            "accessed 1 page as shared without a page state change",
        ),
        (lambda one: one.share(4 * MIB, 2 * PAGE_SIZE, rescind=False), "converted 2 pages to shared without a rescind"),
        (
            lambda one: one.event(Kind.ACCEPT, 4 * MIB, PAGE_SIZE, carry=1),
            "accepted 1 page that it had accepted already",
        ),
    ],
)  # fmt: skip
def test_deviation_of_firmware_is_listed_and_no_finding(
    tmp_path: Path, act: object, words: str
) -> None:
    guest = booted()
    firmware = firmware_of(guest)
    assert callable(act)
    act(firmware)
    verdict = judged(written(guest, tmp_path / "run", firmware))
    assert verdict.verdict == "clean"
    assert any(words in line for line in wrong(verdict)), verdict.firmware


def test_td_converts_without_a_release(tmp_path: Path) -> None:
    guest = booted(platform="tdx")
    firmware = firmware_of(guest)
    firmware.share(4 * MIB, 2 * PAGE_SIZE)
    assert wrong(judged(written(guest, tmp_path / "run", firmware))) == []


def test_map_that_lists_accepted_memory_as_unaccepted_is_not_the_kernels_fault(
    tmp_path: Path,
) -> None:
    guest = Guest()
    guest.bits[4] = False  # and the kernel accepts it all the same
    low = guest.layout.low
    guest.event(Kind.LAUNCH, low + 8 * MIB, UNIT_SIZE, rip=0, caller=0)
    guest.boot()
    guest.event(Kind.ACCEPT, low + 8 * MIB, UNIT_SIZE, carry=1)
    guest.end()
    firmware = firmware_of(guest)
    firmware.event(Kind.ASSIGN, low + 8 * MIB, UNIT_SIZE)
    firmware.accept_block(low + 8 * MIB, UNIT_SIZE)
    folder = written(guest, tmp_path / "run", firmware)
    info = Run.open(folder).info
    handoff = replace(info.handoff, accepted=(*info.handoff.accepted, (low + 8 * MIB, UNIT_SIZE)))
    guest.write(folder, firmware=info.firmware, handoff=handoff)
    verdict = judged(folder)
    assert verdict.findings == []
    assert verdict.verdict == "undecided"
    assert verdict.reasons[0].startswith(
        "firmware, not your kernel: it lists 2.0 MiB as unaccepted that is accepted"
    )
    assert "accepted a page that was already accepted" in verdict.reasons[1]


def test_kernel_that_errs_elsewhere_is_still_found(tmp_path: Path) -> None:
    """Firmware's wrong map excuses what lies in it, and nothing else."""
    guest = Guest()
    guest.boot()
    guest.event(Kind.ACCEPT, 2 * MIB, PAGE_SIZE, carry=1)
    guest.end()
    memory_map = map_of(guest)
    memory_map.append((8 * MIB, PAGE_SIZE, UNACCEPTED))
    verdict = judged(written(guest, tmp_path / "run", firmware_of(guest), memory_map))
    assert [one.invariant for one in verdict.findings] == ["I7"]
    assert any("lists 1 page twice" in line for line in wrong(verdict))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((64 * MIB, MIB, UNACCEPTED), "lists 1.0 MiB twice in its memory map"),
        ((128 * MIB, MIB, UNACCEPTED), "lists 1.0 MiB as unaccepted that is not RAM"),
    ],
)
def test_wrong_line_of_the_map(tmp_path: Path, change: tuple[int, int, int], words: str) -> None:
    guest = booted()
    memory_map = [*map_of(guest), change]
    verdict = judged(written(guest, tmp_path / "run", firmware_of(guest), memory_map))
    assert any(words in line for line in wrong(verdict)), verdict.firmware


def test_memory_that_is_not_accepted_and_not_listed(tmp_path: Path) -> None:
    guest = booted()
    start, size = guest.layout.unaccepted[0]
    memory_map = [
        *((one, length, CONVENTIONAL) for one, length in guest.layout.accepted),
        (start, size - MIB, UNACCEPTED),
        (start + size - MIB, MIB, CONVENTIONAL),
    ]
    verdict = judged(written(guest, tmp_path / "run", firmware_of(guest), memory_map))
    assert any("lists 1.0 MiB as usable that nobody accepted" in line for line in wrong(verdict))


def test_shared_memory_is_not_missing(tmp_path: Path) -> None:
    """A page that firmware shared stays usable memory in its map: the kernel takes it back."""
    guest = booted()
    firmware = firmware_of(guest)
    firmware.share(4 * MIB, PAGE_SIZE)
    accepted = [(0, 0xA0000), (MIB, 3 * MIB), (4 * MIB + PAGE_SIZE, 28 * MIB - PAGE_SIZE)]
    folder = written(guest, tmp_path / "run", firmware)
    info = Run.open(folder).info
    guest.write(
        folder, firmware=info.firmware, handoff=replace(info.handoff, accepted=tuple(accepted), shared=((4 * MIB, PAGE_SIZE),)),
    )  # fmt: skip
    assert wrong(judged(folder)) == []


def test_firmware_that_ends_before_the_kernel(tmp_path: Path) -> None:
    guest = Guest()
    guest.end()
    folder = written(guest, tmp_path / "run", firmware_of(guest), took_over=False)
    guest.console = []
    info = Run.open(folder).info
    guest.write(folder, firmware=info.firmware, outcome="triple-fault", reason="in stage firmware")
    verdict = judged(folder)
    assert verdict.verdict == "undecided"
    assert "firmware, not your kernel: it ended before a kernel took over" in verdict.headline
