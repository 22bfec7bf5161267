# SPDX-License-Identifier: GPL-2.0-only
"""A policy that the kernel refused is shown as that, wherever a policy is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.batch.run_row import row_of
from acceptlab.analysis.invariants.judge import replay_run
from acceptlab.analysis.report.facts import fact_rows, subject_of
from acceptlab.analysis.run.run_folder import Run
from tests.analysis.synthetic import booted

SHOWN = "lazy (requested: deferred, rejected by the kernel)"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    guest = booted()
    machine = replace(guest.info().machine, refused="deferred")
    return guest.write(tmp_path_factory.mktemp("refused") / "run", machine=machine)


def test_run_json_has_it(run: Path) -> None:
    machine = Run.open(run).info.machine
    assert (machine.accept, machine.refused, machine.policy) == ("lazy", "deferred", SHOWN)


def test_the_verdict_and_tables_show_it(run: Path) -> None:
    assert SHOWN in replay_run(run).headline
    assert row_of(str(run))["accept"] == SHOWN
    assert dict(fact_rows(subject_of(run, None, None)))["accept"] == SHOWN
