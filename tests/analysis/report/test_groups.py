# SPDX-License-Identifier: GPL-2.0-only
"""Runs grouped by everything but the seed, and compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from acceptlab.analysis.report import render
from acceptlab.analysis.report.compare import contests
from acceptlab.analysis.report.facts import subject_of
from acceptlab.analysis.report.run_groups import Group, groups_of
from acceptlab.analysis.run.run_info import Machine
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE
from tests.analysis.browser import browser
from tests.analysis.synthetic import Guest


def run(folder: Path, seed: int, extra: int, **changes: object) -> Path:
    """A run that converts ``extra`` pages more."""
    guest = Guest()
    guest.boot()
    for number in range(extra):
        guest.share(guest.layout.low - 8 * UNIT_SIZE + number * 2 * PAGE_SIZE, PAGE_SIZE)
    guest.work()
    guest.end()
    machine = replace(guest.info().machine, seed=seed)
    return guest.write(folder / f"run-{seed}-{extra}", machine=machine, **changes)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    base, other = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("other")
    found = [run(base, seed, extra) for seed, extra in ((1, 0), (2, 1), (3, 2))]
    return found + [
        run(other, seed, extra, kernel=replace(Guest().info().kernel, version="6.13", sha256="b"))
        for seed, extra in ((1, 5), (2, 6), (3, 7))
    ]


def groups(paths: list[Path]) -> list[Group]:
    return groups_of([subject_of(path, None, None) for path in paths])


def test_the_seed_alone_makes_no_group(runs: list[Path]) -> None:
    found = groups(runs)
    assert [group.name for group in found] == ["6.12", "6.13"]
    assert [len(group.subjects) for group in found] == [3, 3]


@pytest.mark.parametrize(
    "changes",
    [
        {"command_line": "accept_memory=lazy quiet"},
        {"machine": Machine(96 << 20, 3, "lazy", seed=2)},
        {"attacks": ("kernel busy 3",)},
        {"hotplug": ("userspace add 1G",)},
        {"series": {"name": "mine"}},
        {"series": {"name": "mine", "patches": 3}},
    ],
)
def test_anything_else_does(changes: dict[str, object], tmp_path: Path) -> None:
    guest = Guest()
    guest.boot()
    guest.end()
    paths = [guest.write(tmp_path / "a"), guest.write(tmp_path / "b", **changes)]
    found = groups(paths)
    assert len(found) == 2
    assert found[0].name != found[1].name


def test_kernels_of_a_series_are_told_by_how_many_of_its_patches_they_have(tmp_path: Path) -> None:
    series = [{"name": "lazy", "patches": number} for number in (3, 4)]
    paths = [run(tmp_path / str(one["patches"]), 1, 0, series=one) for one in series]
    assert [group.name for group in groups(paths)] == ["lazy, 3 patches", "lazy, 4 patches"]


def test_the_same_run_twice_counts_once(runs: list[Path], tmp_path: Path) -> None:
    (group,) = groups([runs[0], run(tmp_path, 1, 0), runs[1]])
    assert (len(group.subjects), group.repeats) == (2, 1)


def test_medians_changes_and_p(runs: list[Path]) -> None:
    (found,) = [one for one in contests(groups(runs)) if one.fact == "conversions"]
    first, second = found.standings
    assert [one - first.values[0] for one in first.values] == [0, 1, 2]
    assert second.median - first.median == 5
    assert second.change == pytest.approx(500 / first.median)
    assert first.p is None and second.p == pytest.approx(0.1)


def test_what_no_seed_changes_needs_no_test(runs: list[Path], tmp_path: Path) -> None:
    kernel = replace(Guest().info().kernel, version="6.13", sha256="b")
    apart = [
        run(tmp_path, seed, 0, kernel=kernel, host=Guest(backing="4K").info().host)
        for seed in (1, 2)
    ]
    text = render([run(tmp_path, 1, 1), run(tmp_path, 2, 1), *apart], "text")
    assert "always" in text and "permutation" not in text


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_every_run_of_a_group_has_its_way_back(runs: list[Path], form: str) -> None:
    document = render(runs, form)
    for path in runs:
        assert str(path) in document.replace("\\\n", "")
    assert form != "text" or max(map(len, document.splitlines())) <= 72


def test_json_names_the_runs_behind_a_group(runs: list[Path]) -> None:
    document = json.loads(render(runs, "json"))
    assert [group["source"] for group in document["groups"]] == [
        [str(path) for path in runs[:3]],
        [str(path) for path in runs[3:]],
    ]
    assert [group["seeds"] for group in document["groups"]] == [[1, 2, 3]] * 2


@pytest.mark.processes
def test_a_browser_shows_gains(runs: list[Path], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render(runs, "html"))
    with browser(tmp_path / "profile") as one:
        one.open(page, 400)
        assert one.complaints() == []
        assert one.value("document.scrollingElement.scrollWidth") <= 400
        bars = one.value(
            "Array.from(document.querySelectorAll('figure')).filter(f => f.textContent.includes("
            "'Gain or cost'))[0].querySelectorAll('.barlayer path').length"
        )
        assert bars >= 2
