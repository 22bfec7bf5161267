# SPDX-License-Identifier: GPL-2.0-only
"""The analyzer's verdict on every misbehaving guest: the right invariant, instruction and page; none on good ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.emulator.bare_handoff import FRESH, HOLE, PAGE, RAM_END
from tests.emulator.bare_run import Setup
from tests.emulator.conftest import Boot
from tests.emulator.verdicts import judge

SNP, TDX = ("snp",), ("tdx",)
BOTH = SNP + TDX
PVALIDATE_OR_TDCALL = {"snp": "at_pvalidate", "tdx": "at_tdcall"}
EXIT = {"snp": "at_vmgexit", "tdx": "at_tdcall"}

NEVER = "accessed a page it never accepted"
CONVERTED = "accessed a page after converting it to private without accepting it"
NOT_RAM_ACCEPT = "accepted an address that is not RAM"
REPLACED = "accepted a page again after the host replaced it"
TWICE = "accepted a page that was already accepted"
DMA = "device DMA to private memory"
MODULE_2_0 = Setup(properties=("module=2.0",))
SEVENTH, NINTH, ELEVENTH = (FRESH + n * PAGE for n in (7, 9, 11))


@dataclass(frozen=True)
class Misdeed:
    """A case, and the finding it has to yield; ``symbol`` may differ by platform."""

    platforms: tuple[str, ...]
    guest: str
    case: str
    invariant: str
    title: str
    gpa: int
    symbol: str | dict[str, str]
    setup: Setup = Setup()  # noqa: RUF009 (frozen)


MISDEEDS = [
    Misdeed(BOTH, "touch_unaccepted", "read", "I1", NEVER, FRESH + 0x123, "at_read8"),
    Misdeed(BOTH, "touch_unaccepted", "write", "I1", NEVER, FRESH + PAGE + 8, "at_write64"),
    Misdeed(BOTH, "touch_unaccepted", "walk", "I1", NEVER, FRESH + 3 * PAGE, "at_read8"),
    Misdeed(
        BOTH,
        "end_of_accepted",
        "read_across",
        "I1",
        "read past the end of accepted memory",
        FRESH + PAGE,
        "at_read64",
    ),
    Misdeed(BOTH, "convert", "unaccepted_after", "I1", CONVERTED, SEVENTH + 0x10, "at_read8"),
    Misdeed(
        SNP,
        "convert",
        "rescind_then_use",
        "I1",
        "accessed a page after rescinding or releasing it",
        SEVENTH,
        "at_read8",
    ),
    Misdeed(
        SNP,
        "convert",
        "without_rescind",
        "I3",
        "converted a page to shared without rescinding it",
        SEVENTH,
        "at_vmgexit",
    ),
    Misdeed(
        SNP,
        "convert",
        "private_read_of_shared",
        "I1",
        "private access to a shared page: the C-bit is wrong",
        SEVENTH,
        "at_read8",
    ),
    Misdeed(
        TDX,
        "convert",
        "private_read_of_shared",
        "I1",
        "private access to a shared page: the shared bit is wrong",
        SEVENTH,
        "at_read8",
    ),
    Misdeed(
        SNP,
        "wrong_bit",
        "shared_write",
        "I1",
        "shared access to a private page: the C-bit is wrong",
        NINTH,
        "at_write64",
    ),
    Misdeed(
        SNP,
        "wrong_bit",
        "shared_read",
        "I1",
        "shared access to a private page: the C-bit is wrong",
        NINTH,
        "at_read64",
    ),
    Misdeed(
        TDX,
        "wrong_bit",
        "shared_read",
        "I1",
        "shared access to a private page: the shared bit is wrong",
        NINTH,
        "at_read64",
    ),
    Misdeed(
        TDX,
        "wrong_bit",
        "shared_write",
        "I1",
        "shared access to a private page: the shared bit is wrong",
        NINTH,
        "at_write64",
        Setup(properties=("shared-access=ve",)),
    ),
    Misdeed(
        TDX,
        "wrong_bit",
        "shared_write",
        "I1",
        "shared access to a private page, which the host made shared",
        NINTH,
        "at_write64",
        Setup(properties=("shared-access=convert",)),
    ),
    Misdeed(
        TDX,
        "accept_tdx",
        "use_released",
        "I1",
        "accessed a page after rescinding or releasing it",
        FRESH + 8,
        "at_read64",
        MODULE_2_0,
    ),
    Misdeed(
        TDX,
        "accept_tdx",
        "release",
        "I7",
        "released a page that was not accepted",
        FRESH,
        "at_tdcall",
        MODULE_2_0,
    ),
    Misdeed(BOTH, "not_ram", "accept_hole", "I1", NOT_RAM_ACCEPT, HOLE + PAGE, PVALIDATE_OR_TDCALL),
    Misdeed(BOTH, "not_ram", "accept_beyond", "I1", NOT_RAM_ACCEPT, RAM_END, PVALIDATE_OR_TDCALL),
    Misdeed(
        BOTH,
        "not_ram",
        "read_hole",
        "I1",
        "private access to an address that is not RAM",
        HOLE + 0x10,
        "at_read8",
    ),
    Misdeed(BOTH, "dma", "write_private", "I1", DMA, FRESH + 2 * PAGE, EXIT),
    Misdeed(BOTH, "dma", "read_private", "I1", DMA, FRESH + 2 * PAGE, EXIT),
    Misdeed(SNP, "accept_snp", "twice", "I7", TWICE, FRESH, "at_pvalidate_from_clear"),
    Misdeed(TDX, "accept_tdx", "twice", "I7", TWICE, FRESH, "at_tdcall"),
    Misdeed(
        BOTH,
        "convert",
        "accept_shared",
        "I3",
        "accepted a page that is shared with the host",
        SEVENTH,
        PVALIDATE_OR_TDCALL,
    ),
    Misdeed(
        SNP,
        "ghcb_errors",
        "hole",
        "I3",
        "the GHCB page is not shared with the host",
        HOLE,
        "at_vmgexit",
    ),
    Misdeed(SNP, "rmpadjust", "not_validated", "I1", NEVER, FRESH + PAGE, "at_rmpadjust"),
    Misdeed(
        SNP,
        "attacks",
        "use_and_accept_again",
        "I2",
        REPLACED,
        ELEVENTH,
        "at_pvalidate",
        Setup(attacks=(f"accepted remap {ELEVENTH:#x}",)),
    ),
    Misdeed(
        TDX,
        "attacks",
        "use_and_accept_again",
        "I2",
        REPLACED,
        ELEVENTH,
        "at_tdcall",
        Setup(attacks=(f"accepted remove-aug {ELEVENTH:#x}",), properties=("pending-ve=on",)),
    ),
]
EACH = [
    pytest.param(
        platform,
        misdeed,
        id="-".join(
            (platform, misdeed.guest, misdeed.case, misdeed.invariant, *misdeed.setup.properties)
        ),
    )
    for misdeed in MISDEEDS
    for platform in misdeed.platforms
]


@pytest.mark.parametrize(("platform", "misdeed"), EACH)
def test_misdeed_is_named(bare: Boot, tmp_path: Path, platform: str, misdeed: Misdeed) -> None:
    run = bare(platform, misdeed.guest, f"case_{misdeed.case}", misdeed.setup)
    verdict = judge(run, tmp_path, table=True)
    assert verdict.verdict == "findings"
    found = [(finding.invariant, finding.title) for finding in verdict.findings]
    assert (misdeed.invariant, misdeed.title) in found
    [first, *_] = [f for f in verdict.findings if f.title == misdeed.title]
    symbol = misdeed.symbol if isinstance(misdeed.symbol, str) else misdeed.symbol[platform]
    assert int(first.evidence["gpa"], 0) == misdeed.gpa
    assert int(first.evidence["rip"], 0) == run.at(symbol)
    others = {finding.invariant for finding in verdict.findings} - {misdeed.invariant}
    assert not others, "blames too much"


GOOD = [
    ("snp", "convert", "properly", Setup()),
    ("tdx", "convert", "properly", Setup()),
    ("snp", "convert", "unit", Setup()),
    ("tdx", "convert", "unit", Setup()),
    ("snp", "dma", "shared", Setup()),
    ("tdx", "dma", "shared", Setup()),
    ("snp", "not_ram", "registers", Setup()),
    ("tdx", "not_ram", "registers", Setup()),
    ("snp", "end_of_accepted", "read_up_to_end", Setup()),
    ("tdx", "end_of_accepted", "read_up_to_end", Setup()),
    ("snp", "vcpus", "accept_in_parallel", Setup(cpus=2)),
    ("tdx", "vcpus", "accept_in_parallel", Setup(cpus=2)),
    ("tdx", "accept_tdx", "content", Setup()),
    ("tdx", "accept_tdx", "release_properly", MODULE_2_0),
]


@pytest.mark.parametrize(
    ("platform", "guest", "case", "setup"),
    GOOD,
    ids=[f"{p}-{g}-{c}-{s.threads}" for p, g, c, s in GOOD],
)
def test_good_guest_is_clean(
    bare: Boot, tmp_path: Path, platform: str, guest: str, case: str, setup: Setup
) -> None:
    verdict = judge(bare(platform, guest, f"case_{case}", setup), tmp_path)
    assert [finding.title for finding in verdict.findings] == []
    assert (verdict.verdict, verdict.exit_code) == ("clean", 0)


def test_a_page_that_the_host_took_is_not_blamed_on_the_guest(bare: Boot, tmp_path: Path) -> None:
    """The TD cannot go on, and only the host is told: it did nothing wrong."""
    setup = Setup(attacks=(f"accepted remove-aug {ELEVENTH:#x}",))
    verdict = judge(bare("tdx", "attacks", "case_use_and_accept_again", setup), tmp_path)
    assert verdict.findings == []
    (line,) = verdict.host
    assert f"remove-aug at {ELEVENTH:#x}" in line and "noticed by a fatal exit" in line
