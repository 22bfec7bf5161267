# SPDX-License-Identifier: GPL-2.0-only
"""A guest that breaks the GHCB protocol is answered as the specification says (semantics.md 1.7, 1.8)."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, HOLE
from tests.emulator.conftest import Boot

NOT_REGISTERED, USAGE, SCRATCH, MISSING, INVALID, EVENT = range(1, 7)
"""SW_EXITINFO2 where SW_EXITINFO1 is 2."""


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("usage", USAGE),
        ("scratch", SCRATCH),
        ("scratch-private", SCRATCH),
        ("missing", MISSING),
        ("version", INVALID),
        ("event", EVENT),
        ("mmio-size", INVALID),
    ],
)
def test_bad_request_is_answered(bare: Boot, name: str, code: int) -> None:
    run = bare("snp", "ghcb_errors", "case_errors")
    assert run.said(name) == [{"info1": 2, "info2": code}]


def test_page_that_was_not_registered_is_refused(bare: Boot) -> None:
    run = bare("snp", "ghcb_errors", "case_not_registered")
    assert run.said("other") == [{"info1": 2, "info2": NOT_REGISTERED}]


@pytest.mark.parametrize(("case", "gpa"), [("private_page", None), ("hole", HOLE)])
def test_ghcb_must_be_shared_memory(bare: Boot, case: str, gpa: int | None) -> None:
    run = bare("snp", "ghcb_errors", f"case_{case}")
    stop = run.only("stop")
    assert (stop.reason, stop.rip) == ("handler", run.at("at_vmgexit"))
    assert stop.gpa == (run.at("other") if gpa is None else gpa)
    assert run.said("not reached") == []


def test_page_state_change_checks_its_list(bare: Boot) -> None:
    run = bare("snp", "ghcb_errors", "case_psc")
    assert run.value("header") == 1 << 32 | 1
    assert run.value("entry") == 1 << 32 | 2
    assert run.value("unknown") == 0, "an operation that KVM does not know counts as done"
    assert (run.value("done"), run.value("current")) == (0, 1)
    assert [event.gpa for event in run.of("convert")][1:] == [FRESH]


def test_msr_protocol(bare: Boot) -> None:
    run = bare("snp", "ghcb_errors", "case_msr")
    info = run.value("info")
    assert (info & 0xFFF, info >> 24 & 0xFF) == (0x001, 51)
    assert (info >> 32 & 0xFFFF, info >> 48) == (1, 2), "protocol versions"
    assert run.value("features") & 0x3FFF == 0x3081, "SNP and AP creation"
    assert run.value("preferred") == 0xFFFFFFFFFFFFF << 12 | 0x011
    assert run.value("unknown") == 0x0BAD000000000FFF, "left as it was"
    assert run.value("psc-op") == 1 << 63 | 0x015
    assert run.value("register-hole") == 0xFFFFFFFFFFFFF << 12 | 0x013
