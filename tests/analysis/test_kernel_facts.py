# SPDX-License-Identifier: GPL-2.0-only
"""Facts about kernels are rows: each says since when and from where, and a new row is all that a new kernel takes."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from acceptlab.analysis.kernel import accept_arguments, kernel_facts
from acceptlab.analysis.kernel.kernel_facts import Function
from acceptlab.analysis.kernel.versions import ANY, Row, first_version, in_force, version_of
from acceptlab.analysis.measure.latency.stalls import Where
from acceptlab.analysis.measure.metadata import metadata_cost
from acceptlab.toolkit.collect import guest_program
from acceptlab.toolkit.places import CHECKOUT

TABLES: dict[str, tuple[Row[Any], ...]] = {
    name: value
    for name, value in vars(kernel_facts).items()
    if isinstance(value, tuple) and value and all(isinstance(one, Row) for one in value)
}
SOURCE = re.compile(
    r"[0-9a-f]{12}\b|Linux \d+\.\d+.*?, ?[a-z]|Debian's source package|series [a-z-]+ \(\d|message \d+\.\d+\.\d+-\d|no function: "
)
"""A commit, a file of a version, a package, a series of ours, or a mail of the list."""
NEXT = (99, 1)


def test_there_are_rows_to_look_at() -> None:
    assert {"REQUESTS", "HOOKS", "SKIPPED", "KALLSYMS", "PACKAGES", "LOCKS", "TRACEPOINTS"} <= set(TABLES)  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_every_row_cites_its_source(name: str) -> None:
    assert [row.fact for row in TABLES[name] if not SOURCE.search(row.source)] == []


@pytest.mark.parametrize("name", TABLES)
def test_no_row_ends_before_it_begins(name: str) -> None:
    assert all(row.last is None or row.first <= row.last for row in TABLES[name])


def test_a_series_that_a_row_cites_is_there() -> None:
    cited = {
        (name, version)
        for rows in TABLES.values()
        for row in rows
        for name, version in re.findall(r"([a-z]+-[a-z]+) \((\d+\.\d+)\)", row.source)
    }
    assert cited
    for name, version in cited:
        assert (CHECKOUT / "patches" / f"linux-{version}" / name / "series.toml").is_file()


@pytest.mark.parametrize(
    ("version", "holds"),
    [((6, 4), False), ((6, 5), True), ((6, 11), True), ((6, 12), False), (None, True)],
)
def test_a_row_holds_from_its_first_version_to_its_last(
    version: tuple[int, int] | None, holds: bool
) -> None:
    assert Row((6, 5), (6, 11), "", "").holds(version) == holds


def test_numbers_of_a_version_are_compared_as_numbers() -> None:
    assert Row((6, 5), None, "", "").holds(version_of("6.12.1-amd64"))
    assert not Row((6, 12), None, "", "").holds(version_of("6.5"))
    assert version_of("next-20260101") is None


def test_without_a_version_every_fact_may_be_true() -> None:
    rows = (Row((6, 1), (6, 3), "a", ""), Row((6, 4), None, "b", ""), Row((7, 0), None, "a", ""))
    assert in_force(rows) == ("a", "b")
    assert in_force(rows, (6, 2)) == ("a",)
    assert first_version(rows) == (6, 1)


def test_of_one_version_accept_memory_has_one_signature() -> None:
    for version in ((5, 14), (6, 5), (6, 11), (6, 12), (7, 3), NEXT):
        assert len(in_force(kernel_facts.REQUESTS, version)) == 1


def test_a_new_row_is_a_new_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    assert accept_arguments.arguments("accept_memory", "99.1") == ("start", "size")
    rows = (Row(NEXT, None, Function("accept_memory", ("start", "end")), "made up"), *kernel_facts.REQUESTS)  # fmt: skip
    monkeypatch.setattr(accept_arguments, "REQUESTS", rows)
    assert accept_arguments.arguments("accept_memory", "99.1") == ("start", "end")
    assert accept_arguments.arguments("accept_memory", "7.3") == ("start", "size")


def test_a_new_row_is_a_new_function_to_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (*kernel_facts.FIRST_STRUCT_PAGES[:1], Row((7, 0), (99, 0), "mm_core_init_early", ""), Row(NEXT, None, "made_up", ""))  # fmt: skip
    monkeypatch.setattr(metadata_cost, "FIRST_STRUCT_PAGES", rows)
    found = [metadata_cost.probes_for(release)[0] for release in ("6.12", "7.3", "99.1.4")]
    assert found == ["free_area_init", "mm_core_init_early", "made_up"]


@pytest.mark.processes
def test_a_new_row_is_a_function_that_is_skipped() -> None:
    """In a Python of its own: the skip list is made once."""
    made_up = 'Row((99, 1), None, r"made_up_.*", "made up")'
    asks = "from acceptlab.toolkit.run.skip_list import is_skipped; print(is_skipped('made_up_accept.isra.0'))"
    adds = (
        "from acceptlab.analysis.kernel import kernel_facts; from acceptlab.analysis.kernel.versions import Row; "
        f"kernel_facts.SKIPPED += ({made_up},); "
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        ).stdout
        for code in (asks, adds + asks)
    ]
    assert answers == ["False\n", "True\n"]


def test_the_emulator_looks_for_records_of_the_sizes_that_there_are() -> None:
    code = (CHECKOUT / "emulator/qemu/printk.c").read_text()
    (listed,) = re.findall(r"info_sizes\[\] = \{ ([\d, ]+) \};", code)
    assert tuple(map(int, listed.split(", "))) == in_force(kernel_facts.PRINTK_INFO)


def test_waiters_are_of_the_kinds_that_reports_know() -> None:
    assert {row.fact.where for row in kernel_facts.WAITERS} == set(Where) - {Where.UNKNOWN}


def test_a_platform_s_functions_are_its_own_and_those_of_all() -> None:
    assert kernel_facts.names(kernel_facts.HOOKS, "snp") == ("arch_accept_memory", "snp_accept_memory")  # fmt: skip
    assert kernel_facts.names(kernel_facts.HOOKS, "tdx") == ("arch_accept_memory", "tdx_accept_memory")  # fmt: skip
    rows = (*kernel_facts.HOOKS, Row(ANY, None, Function("made_up", platform="snp"), ""))
    assert "made_up" in kernel_facts.names(rows, "snp")
    assert "made_up" not in kernel_facts.names(rows, "tdx")


def test_what_a_recorder_in_a_guest_watches_takes_two_arguments() -> None:
    assert all(len(one.arguments) == 2 for one in guest_program.FUNCTIONS)
