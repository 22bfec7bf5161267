# SPDX-License-Identifier: GPL-2.0-only
"""What judging a run has to know of its platform: one row for each. `toolkit/platforms.py` has what running a guest takes.

No other module of analysis/ compares a platform's name, or has a table by it (`tests/house/test_platform_names.py`). The texts
of a row are sentences of reports.
"""

from __future__ import annotations

from collections.abc import Mapping

from acceptlab.analysis.records import record


@record(frozen=True)
class Rules:
    """What the hardware does at an event, in a sentence with its source; empty: nothing worth a sentence."""

    accept: str
    accept_again: str
    accept_unassigned: str
    access: str
    remove: str
    rescind: str = ""
    share_accepted: str = ""


@record(frozen=True)
class Platform:
    """One platform.

    Statuses of an accept are its result, ``status_shift`` bits to the right: AMD APM Vol. 3, PVALIDATE (semantics.md 1.2.5); Intel
    TDX Module ABI, completion status codes, whose lower half is the level (semantics.md 2.2.2, 2.2.5, 2.2.6). ``statuses`` has their names.
    """

    name: str
    """As in run.json, on the command line and in TOML files."""
    title: str
    article: str
    fault: str
    """How the guest is notified of an access to a page that it has not accepted."""
    privacy_bit: str
    """The bit of a page-table entry that tells private from shared memory."""
    given_back_by: str
    """Label of the kind of event by which a guest gives up an accepted page."""
    rules: Rules
    statuses: Mapping[int, str]
    size_mismatch: int
    """The status that has the guest accept smaller pages."""
    already_accepted: int | None = None
    """The status of an accept of an accepted page, where that is none of success."""
    busy: int | None = None
    """The status of an accept that meets another access to the same entry of the host's."""
    not_accepted: frozenset[int] = frozenset()
    """The statuses of a release of a page that is not accepted (semantics.md 2.11.3)."""
    status_shift: int = 0
    has_carry: bool = False
    """Whether an accept answers with a carry flag, set where it changed nothing."""
    rescinds: bool = False
    """Whether a guest has to take back its accept of a page before it makes that shared."""
    handler_reads_shared: bool = False
    """Whether the guest's calls of its host go through a page of memory that the host reads (the GHCB)."""
    own_kinds: frozenset[str] = frozenset()
    """Labels of the kinds of events that only a guest of this platform has."""

    def status_of(self, result: int) -> int:
        """The status in an accept's result, as the keys of ``statuses`` have it."""
        return result >> self.status_shift


SNP = Platform(
    name="snp",
    title="SEV-SNP",
    article="an",
    fault="#VC 0x404",
    privacy_bit="C-bit",
    given_back_by="rescind",
    rules=Rules(
        accept="PVALIDATE sets Validated in the RMP entry of an assigned page (APM 2, 15.36.6).",
        accept_again="PVALIDATE of a page that is validated already succeeds with carry set; with "
        "carry clear the host put another page in its place (APM 3, PVALIDATE).",
        accept_unassigned="A page that is not assigned to the guest cannot be validated: it exits to the "
        "host (APM 2, 15.36).",
        access="A private access needs a validated page: else #VC 0x404 (APM 2, 15.36.10).",
        remove="RMPUPDATE by the host clears Validated: the guest notices at its next access.",
        rescind="PVALIDATE 0 clears Validated; the host may then take the page (APM 2, 15.36.6).",
        share_accepted="Taking the page away clears Validated, whatever the guest did (APM 2, 15.36.5).",
    ),
    statuses={1: "FAIL_INPUT", 6: "FAIL_SIZEMISMATCH"},
    size_mismatch=6,
    has_carry=True,
    rescinds=True,
    handler_reads_shared=True,
    own_kinds=frozenset({"rescind", "rmpadjust"}),
)
TDX = Platform(
    name="tdx",
    title="TDX",
    article="a",
    fault="#VE",
    privacy_bit="shared bit",
    given_back_by="convert",
    rules=Rules(
        accept="TDG.MEM.PAGE.ACCEPT zeroes a PENDING page and maps it (TDX Module ABI).",
        accept_again="TDG.MEM.PAGE.ACCEPT of a mapped page answers PAGE_ALREADY_ACCEPTED; success "
        "means the host removed the page and added another (TDX Module ABI).",
        accept_unassigned="A page that is not added raises an EPT violation to the host, which adds it "
        "(TDX Module ABI).",
        access="A private access to a PENDING page raises #VE, or exits to the host when "
        "SEPT_VE_DISABLE is set (TDX Module ABI).",
        remove="A page that the host removed and adds again is PENDING until it is accepted again.",
        rescind="TDG.MEM.PAGE.RELEASE makes a mapped page PENDING: it must be accepted again before it is accessed.",
    ),
    statuses={
        0x00000B0A: "PAGE_ALREADY_ACCEPTED",
        0xC0000B0B: "PAGE_SIZE_MISMATCH",
        0xC0000B01: "EPT_ENTRY_FREE",
        0xC0000B0D: "EPT_ENTRY_STATE_INCORRECT",
        0x80000200: "OPERAND_BUSY",
        0xC0000100: "OPERAND_INVALID",
    },
    size_mismatch=0xC0000B0B,
    already_accepted=0x00000B0A,
    busy=0x80000200,
    not_accepted=frozenset({0xC0000B01, 0xC0000B0D}),
    status_shift=32,
    own_kinds=frozenset({"release"}),
)

PLATFORMS: Mapping[str, Platform] = {one.name: one for one in (SNP, TDX)}
NAMES = tuple(PLATFORMS)


def platform_of(name: str) -> Platform:
    """The row of a platform; KeyError for a name that run.json cannot have."""
    return PLATFORMS[name]


def platform_of_kind(kind: str) -> Platform | None:
    """The platform whose guests alone have events of a kind, by its label, if there is one."""
    return next((one for one in PLATFORMS.values() if kind in one.own_kinds), None)
