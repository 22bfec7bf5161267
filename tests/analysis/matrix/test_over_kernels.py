# SPDX-License-Identifier: GPL-2.0-only
"""A sweep over kernels says in which one a defect came and in which it went."""

from __future__ import annotations

from acceptlab.analysis.report.matrix.matrix_text import summary
from acceptlab.analysis.report.matrix.over_kernels import histories
from acceptlab.analysis.report.matrix.sheet import CellSheet, SweepSheet


def cell(recipe: str, kernel: str, verdict: str, state: str = "done") -> CellSheet:
    facts = {"verdict": verdict, "outcome": "userspace" if verdict == "clean" else "stopped"}
    labels = {"recipe": recipe, "kernel": f"debian:{kernel}"}
    return CellSheet(labels, state, kernel=f"{kernel}.3+deb", facts=facts)


def sweep(*cells: CellSheet) -> SweepSheet:
    return SweepSheet("one", "Since when?", ("recipe", "kernel"), ("verdict",), cells)


def told(*cells: CellSheet) -> list[str]:
    return [one.text() for one in histories(sweep(*cells))]


def test_a_defect_is_introduced_and_fixed() -> None:
    """In order of version, whatever the order of the runs: 6.9 is older than 6.12."""
    assert told(
        cell("kexec", "7.3", "clean"),
        cell("kexec", "6.9", "clean"),
        cell("kexec", "6.12", "findings"),
        cell("kexec", "6.16", "findings"),
        cell("kdump", "6.12", "findings"),
        cell("kdump", "7.3", "findings"),
    ) == [
        "kexec: clean in debian:6.9, introduced in debian:6.12, fixed in debian:7.3",
        "kdump: defect in debian:6.12",
    ]


def test_what_decides_nothing_is_left_out() -> None:
    assert told(
        cell("kexec", "6.12", "findings"),
        cell("kexec", "6.16", "undecided"),
        cell("kexec", "7.0", "clean", "missing"),
        cell("kexec", "7.3", "clean"),
    ) == ["all runs: defect in debian:6.12, fixed in debian:7.3"]


def test_one_kernel_has_no_history() -> None:
    cells = (cell("kexec", "6.12", "findings"), cell("kdump", "6.12", "clean"))
    assert told(*cells) == []
    assert "defect in" not in summary(sweep(*cells))


def test_the_text_has_the_histories() -> None:
    cells = (cell("kexec", "6.12", "findings"), cell("kexec", "7.3", "clean"))
    assert "defect in debian:6.12, fixed in debian:7.3" in summary(sweep(*cells))
