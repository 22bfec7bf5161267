# SPDX-License-Identifier: GPL-2.0-only
"""A TD may release a page and accept it again (semantics.md 2.11): a recorder that cannot see the release does not blame it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.invariants.judge import judge
from acceptlab.analysis.invariants.verdict import Status, Verdict
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import PAGE_SIZE
from tests.analysis.invariants.guests import after_boot, at, finished
from tests.analysis.synthetic import MIB


def accepted_twice(folder: Path, absent: tuple[str, ...]) -> Verdict:
    guest = after_boot(platform="tdx")
    page = at(guest, -12 * MIB)
    guest.accept_block(page, PAGE_SIZE)
    run = Run.open(finished(guest).write(folder / "run"))
    return judge(Run(run.path, replace(run.info, absent=absent)))


@pytest.mark.parametrize(
    ("absent", "status"), [((), Status.BROKEN), (("release",), Status.NOT_DECIDABLE)]
)
def test_a_second_accept(tmp_path: Path, absent: tuple[str, ...], status: Status) -> None:
    found = accepted_twice(tmp_path, absent)
    (two,) = [one for one in found.invariants if one.name == "I2"]
    assert two.status == status
    blamed = [one for one in found.findings if one.invariant == "I2"]
    assert bool(blamed) == (status == Status.BROKEN)
    if not absent:
        return
    assert "release" in two.explanation
