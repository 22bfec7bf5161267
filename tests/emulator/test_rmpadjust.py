# SPDX-License-Identifier: GPL-2.0-only
"""RMPADJUST as a guest at VMPL 0 sees it (semantics.md 1.3)."""

from __future__ import annotations

import pytest

from tests.emulator.bare_handoff import FRESH, PAGE, UNIT, WINDOW
from tests.emulator.conftest import Boot

INPUT, PERMISSION, SIZE_MISMATCH = 1, 2, 6


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("allowed", 0),
        ("permissions", 0),
        ("own-level", PERMISSION),
        ("no-level", INPUT),
        ("reserved-permission", INPUT),
        ("reserved-bit", INPUT),
        ("size", INPUT),
        ("misaligned", INPUT),
        ("mismatch", SIZE_MISMATCH),
        ("unit", 0),
        ("page-of-unit", 0),
    ],
)
def test_code(bare: Boot, name: str, code: int) -> None:
    run = bare("snp", "rmpadjust", "case_codes")
    assert run.value(name) == code


def test_events(bare: Boot) -> None:
    run = bare("snp", "rmpadjust", "case_codes")
    done = [(e.gpa, e.size, e.detail) for e in run.of("rmpadjust") if e.result == 0]
    assert done == [
        (FRESH, PAGE, 1),
        (FRESH, PAGE, 0x1F03),
        (FRESH + UNIT, UNIT, 1),
        (FRESH + UNIT, PAGE, 1),
    ]
    split = run.of("split")[-1]
    assert (split.gpa, split.rip) == (FRESH + UNIT, run.at("at_rmpadjust"))


def test_page_that_is_not_validated_faults(bare: Boot) -> None:
    run = bare("snp", "rmpadjust", "case_not_validated")
    [raised] = run.said("exception")
    assert (raised["vector"], raised["error"]) == (29, 0x404)
    assert (raised["rip"], raised["cr2"]) == (run.at("at_rmpadjust"), FRESH + PAGE)


def test_that_fault_is_an_event(bare: Boot) -> None:
    run = bare("snp", "rmpadjust", "case_not_validated")
    fault = run.only("fault")
    assert (fault.gpa, fault.rip) == (FRESH + PAGE, run.at("at_rmpadjust"))
    assert (fault.access, fault.platform) == ("instruction", 0x404)


def test_shared_page_stops(bare: Boot) -> None:
    run = bare("snp", "rmpadjust", "case_shared")
    stop = run.only("stop")
    assert (stop.gpa, stop.rip) == (FRESH, run.at("at_rmpadjust"))
    assert (stop.reason, stop.access) == ("not-assigned", "instruction")


def test_address_that_does_not_translate_faults(bare: Boot) -> None:
    run = bare("snp", "rmpadjust", "case_unmapped")
    [raised] = run.said("exception")
    assert (raised["vector"], raised["error"], raised["cr2"]) == (14, 0, WINDOW)
