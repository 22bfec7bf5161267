# SPDX-License-Identifier: GPL-2.0-only
"""What run.json takes from the emulator's report."""

from __future__ import annotations

from acceptlab.toolkit.run.record import attacks_done

DONE = [{"text": "accepted remap 0x40000000", "took_place": 1}]


def test_acts_are_in_run_json_as_the_emulator_reports_them() -> None:
    assert attacks_done({"outcome": "shutdown", "attacks": DONE}) == {"attacks_done": DONE}


def test_what_took_place_is_not_known_without_a_report() -> None:
    assert attacks_done(None) == {}


def test_an_honest_host_did_nothing() -> None:
    assert attacks_done({"outcome": "shutdown"}) == {}
