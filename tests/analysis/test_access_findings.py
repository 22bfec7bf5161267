# SPDX-License-Identifier: GPL-2.0-only
"""What I1 says of a refused access depends on what became of the page before, and on the access."""

from __future__ import annotations

from pathlib import Path

import pytest

from acceptlab.analysis.invariants.i01_no_access_before_accept import (
    _last_conversion,  # the rest of a finding hides a wrong answer where the trace contradicts itself
)
from acceptlab.analysis.invariants.invariant import Suspicion
from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.trace.schema import (
    PAGE_SIZE,
    UNIT_SIZE,
    Access,
    ConvertTo,
    Kind,
    label,
)
from tests.analysis.synthetic import MIB, SNP_SIZE_MISMATCH, Guest

PRIVATE = 0x100


def found(guest: Guest, folder: Path) -> list[tuple[str, str]]:
    guest.work()
    guest.end()
    return [
        (one.title, one.explanation) for one in replay_run(guest.write(folder / "run")).findings
    ]


def booted() -> Guest:
    guest = Guest()
    guest.boot()
    return guest


def test_a_refused_accept_does_not_make_up_for_a_conversion(tmp_path: Path) -> None:
    guest = booted()
    page = guest.layout.low - 12 * MIB
    guest.share(page, PAGE_SIZE)
    guest.event(Kind.CONVERT, page, PAGE_SIZE, detail=ConvertTo.PRIVATE)
    guest.event(Kind.ASSIGN, page, PAGE_SIZE)
    guest._set(page, PAGE_SIZE, 1)
    start = page // UNIT_SIZE * UNIT_SIZE
    guest.event(Kind.ACCEPT, start, UNIT_SIZE, result=SNP_SIZE_MISMATCH, carry=0)
    guest.event(Kind.FAULT, page + 8, 1, detail=PRIVATE | Access.WRITE)
    titles = [one for one, _ in found(guest, tmp_path)]
    assert "accessed a page after converting it to private without accepting it" in titles


CONVERTED = {"kind": label(Kind.CONVERT), "detail": ConvertTo.PRIVATE, "result": 0}
SHARED = {"kind": label(Kind.CONVERT), "detail": ConvertTo.SHARED, "result": 0}
ACCEPTED = {"kind": label(Kind.ACCEPT), "detail": 0, "result": 0, "carry": 0}


@pytest.mark.parametrize(
    ("history", "last"),
    [
        ([], None),
        ([CONVERTED], ConvertTo.PRIVATE),
        ([SHARED, CONVERTED], ConvertTo.PRIVATE),
        ([CONVERTED, SHARED], ConvertTo.SHARED),
        ([CONVERTED, ACCEPTED], None),
        ([ACCEPTED, CONVERTED], ConvertTo.PRIVATE),
        ([CONVERTED, ACCEPTED | {"carry": 1}], ConvertTo.PRIVATE),  # it changed nothing
        ([CONVERTED, ACCEPTED | {"result": SNP_SIZE_MISMATCH}], ConvertTo.PRIVATE),
        ([SHARED, CONVERTED | {"result": 1}], ConvertTo.SHARED),
        ([SHARED, {"kind": label(Kind.LAUNCH), "detail": 0, "result": 0}], None),
    ],
)
def test_the_last_conversion_is_one_that_nothing_undid(
    history: list[dict[str, object]], last: ConvertTo | None
) -> None:
    events = [one | {"seq": number} for number, one in enumerate(history)]
    later = {**SHARED, "seq": len(events) + 1}
    assert _last_conversion(Suspicion("", "", [len(events)], history=[*events, later])) == last
