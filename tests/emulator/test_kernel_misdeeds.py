# SPDX-License-Identifier: GPL-2.0-only
"""A stock kernel that is told wrong things about its memory: caught, and blamed on the right page and invariant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.invariants.verdict import Finding, Verdict
from acceptlab.analysis.run.run_folder import Run
from acceptlab.toolkit.firmware.boot_handoff import Blob, Handoff, build_handoff
from acceptlab.toolkit.firmware.layout import GuestRequest
from acceptlab.toolkit.firmware.unaccepted_table import GUID
from acceptlab.toolkit.kernels.resolve import Kernel, resolve
from acceptlab.toolkit.qemu import bases
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.ranges import MIB, UNIT
from acceptlab.toolkit.run import emulator_run
from acceptlab.toolkit.run.options import RunOptions

pytestmark = pytest.mark.long
Tamper = Callable[[Handoff], Handoff]
OPTIONS = RunOptions(kernel="debian:6.12", memory="6G", kaslr=False, time_limit=300)
FROM_TOP = 48 * MIB
"""Below the top of RAM by so much, the kernel puts its array of struct page: used early, and by every boot."""


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return resolve("debian:6.12")


def clear_bit(handoff: Handoff) -> Handoff:
    """Clear the bit of one unit that the kernel uses early, as a broken firmware would."""
    table = handoff.stub.table
    assert table is not None
    bitmap = bytearray(table.bitmap)
    number = (victim(handoff) - table.phys_base) // UNIT
    assert bitmap[number // 8] >> number % 8 & 1, "the bit is clear already"
    bitmap[number // 8] &= ~(1 << number % 8)
    wrong = replace(table, bitmap=bytes(bitmap))
    return replace(
        handoff,
        stub=replace(handoff.stub, table=wrong),
        blobs=[
            replace(blob, data=wrong.encode()) if blob.data == table.encode() else blob
            for blob in handoff.blobs
        ],
    )


def victim(handoff: Handoff) -> int:
    """Return the unit whose bit is cleared."""
    top = max(item.end for item in handoff.memory_map.ram)
    return (top - FROM_TOP) // UNIT * UNIT


def withhold_table(handoff: Handoff) -> Handoff:
    """Keep the table from the kernel: no EFI configuration table leads to it."""
    nobody = UUID(int=0x5EC0DE)

    def hide(blob: Blob) -> Blob:
        return replace(blob, data=blob.data.replace(GUID.bytes_le, nobody.bytes_le))

    blobs = [hide(blob) if "kernel" not in blob.name else blob for blob in handoff.blobs]
    assert blobs != handoff.blobs
    return replace(handoff, blobs=blobs, stub=replace(handoff.stub, table=None), unaccepted_table=0)


@pytest.fixture
def misinformed(
    emulator: Path, kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, Tamper], tuple[Run, Verdict]]:
    """Return the function that boots the kernel on a boot handoff that was tampered with, and judges the run."""

    def boot(platform: str, tamper: Tamper) -> tuple[Run, Verdict]:
        def build(request: GuestRequest) -> Handoff:
            return tamper(build_handoff(request))

        monkeypatch.setattr(emulator_run, "build_handoff", build)
        binary = Emulator(
            emulator, "under test", {"qemu": bases.chosen().version, "debian_version": ""}
        )
        folder = tmp_path / "run"
        emulator_run.perform(replace(OPTIONS, platform=platform), kernel, binary, folder, False)
        return Run.open(folder), replay_run(folder)

    return boot


def first_of(verdict: Verdict, invariant: str) -> Finding:
    found = [finding for finding in verdict.findings if finding.invariant == invariant]
    assert found, f"{invariant} is not among {[(f.invariant, f.title) for f in verdict.findings]}"
    return found[0]


def check_end(run: Run, platform: str) -> None:
    """An SNP guest is told, does not know what to do, and terminates; a TD is stopped."""
    assert run.info.outcome == ("terminated" if platform == "snp" else "stopped")
    report = run.info.report
    assert report is not None
    if platform == "tdx":
        assert "PENDING" in report["page_state"]


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_bit_cleared_that_should_be_set(
    misinformed: Callable[[str, Tamper], tuple[Run, Verdict]], platform: str
) -> None:
    run, verdict = misinformed(platform, clear_bit)
    check_end(run, platform)
    access = first_of(verdict, "I1")
    top = max(start + size for start, size in run.info.handoff.ram)
    unit = (top - FROM_TOP) // UNIT * UNIT
    assert unit <= int(access.evidence["gpa"], 0) < unit + UNIT
    assert access.evidence.get("symbol"), "the instruction has no name"
    bitmap = first_of(verdict, "I4")
    assert unit <= int(bitmap.evidence["gpa"], 0) < unit + UNIT


@pytest.mark.parametrize("platform", ["snp", "tdx"])
def test_table_withheld(
    misinformed: Callable[[str, Tamper], tuple[Run, Verdict]], platform: str
) -> None:
    run, verdict = misinformed(platform, withhold_table)
    check_end(run, platform)
    access = first_of(verdict, "I1")
    assert access.title == "accessed a page it never accepted: the guest got no bitmap"
    assert int(access.evidence["gpa"], 0) >= 4 << 30
    assert access.evidence.get("symbol"), "the instruction has no name"
