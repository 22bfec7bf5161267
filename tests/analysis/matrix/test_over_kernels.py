# SPDX-License-Identifier: GPL-2.0-only
"""A sweep over kernels says in which one a defect came and in which it went."""

from __future__ import annotations

from acceptlab.analysis.report.matrix.matrix_text import summary
from acceptlab.analysis.report.matrix.over_kernels import histories
from acceptlab.analysis.report.matrix.sheet import CellSheet, SweepSheet


def cell(
    recipe: str, kernel: str, verdict: str, state: str = "done", broken: str = "I1"
) -> CellSheet:
    facts = {"verdict": verdict, "outcome": "userspace" if verdict == "clean" else "panic"}
    labels = {"recipe": recipe, "kernel": f"debian:{kernel}"}
    found = (
        [{"invariant": one, "title": "broken", "total": 1} for one in broken.split()]
        if verdict == "findings"
        else []
    )
    return CellSheet(labels, state, kernel=f"{kernel}.3+deb", facts=facts, findings=found)


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
        "kexec: clean in debian:6.9; I1 introduced in debian:6.12; fixed in debian:7.3",
        "kdump: I1 from debian:6.12 to debian:7.3; not fixed in debian:7.3",
    ]


def test_a_defect_that_takes_the_place_of_another_is_no_fix() -> None:
    assert told(
        cell("kexec", "6.12", "findings"),
        cell("kexec", "6.16", "findings", broken="I3 guest"),
        cell("kexec", "6.18", "findings", broken="guest I3"),
        cell("kexec", "6.19", "findings", broken="guest"),
        cell("kexec", "7.3", "findings", broken="guest"),
        cell("boot", "6.12", "clean"),
        cell("boot", "7.3", "clean"),
    ) == [
        "kexec: I1 in debian:6.12; then I3 from debian:6.16 to debian:6.18; "
        "then panic from debian:6.19 to debian:7.3; not fixed in debian:7.3",
        "boot: clean in all 2 kernels",
    ]


def test_a_number_stands_with_the_name_of_its_axis() -> None:
    cells = [
        CellSheet(
            {"platform": platform, "cpus": "4", "memory": memory, "kernel": f"debian:{kernel}"},
            "done", kernel=f"{kernel}.1+deb", facts={"verdict": "clean", "outcome": "userspace"},
        )
        for platform, memory in (("snp", "2G"), ("tdx", "16G"))
        for kernel in ("6.12", "7.3")
    ]  # fmt: skip
    axes = ("platform", "cpus", "memory", "kernel")
    assert [one.text() for one in histories(SweepSheet("one", "?", axes, ("verdict",), cells))] == [
        "snp, memory 2G: clean in all 2 kernels",
        "tdx, memory 16G: clean in all 2 kernels",
    ]


def test_a_name_without_a_version_gets_one() -> None:
    newest = CellSheet(
        {"recipe": "kexec", "kernel": "debian:newest"}, "done", kernel="7.3.4+deb14-cloud-amd64",
        facts={"verdict": "clean", "outcome": "userspace"},
    )  # fmt: skip
    assert told(cell("kexec", "6.12", "findings"), newest) == [
        "all runs: I1 in debian:6.12; fixed in debian:newest (7.3.4)"
    ]


def test_what_decides_nothing_is_left_out() -> None:
    assert told(
        cell("kexec", "6.12", "findings"),
        cell("kexec", "6.16", "undecided"),
        cell("kexec", "7.0", "clean", "missing"),
        cell("kexec", "7.3", "clean"),
    ) == ["all runs: I1 in debian:6.12; fixed in debian:7.3"]


def test_one_kernel_has_no_history() -> None:
    cells = (cell("kexec", "6.12", "findings"), cell("kdump", "6.12", "clean"))
    assert told(*cells) == []
    assert "debian:6.12;" not in summary(sweep(*cells))


def test_the_text_has_the_histories() -> None:
    cells = (cell("kexec", "6.12", "findings"), cell("kexec", "7.3", "clean"))
    assert "I1 in debian:6.12; fixed in debian:7.3" in summary(sweep(*cells))
