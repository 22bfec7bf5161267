# SPDX-License-Identifier: GPL-2.0-only
"""The list of our series' mutants is whole, and each series without them is sound in the runs that show them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acceptlab.toolkit.series.bundled import HOME, reference
from acceptlab.toolkit.series.series_spec import FILE
from tests.mutation.subjects import KERNEL
from tests.series.changed_kernels import SMALL, kernel_with, run
from tests.series.mutants.subject import HERE, LIMIT, series_of, troubles

ALL = KERNEL.mutants()
RUNS = {(one.series, one.run): one.sound for one in ALL}


def test_there_are_twenty_and_every_patch_is_listed() -> None:
    assert len(ALL) >= 20
    assert sorted(one.file.name for one in ALL) == sorted(p.name for p in HERE.glob("*.patch"))
    assert all(re.compile(one.says) and one.says for one in ALL)


def test_each_series_on_mainline_has_mutants() -> None:
    names = {path.parent.name for path in HOME.glob(f"linux-7.x/*/{FILE}")}
    assert names
    assert names <= {one.series for one in ALL}


@pytest.mark.long
@pytest.mark.parametrize("name", sorted({one.series for one in ALL} - {reference()}))
def test_each_applies_to_its_series(name: str) -> None:
    """The reference series' are looked at in each `make test` (tests/mutation/)."""
    assert KERNEL.misplaced_on(name) == []


@pytest.mark.boots
@pytest.mark.emulator
@pytest.mark.long
@pytest.mark.parametrize(("name", "words"), RUNS)
def test_the_series_itself_is_sound_in_each_run(
    name: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    series = series_of(name)
    kernel = kernel_with(series.spec, series.patches, series.name)
    done = run(kernel, tmp_path / "run", [*SMALL, *LIMIT, *words])
    if RUNS[name, words]:
        assert re.search(RUNS[name, words], f"{done.info['reason']}\n{done.console}"), done.output
    else:
        assert (done.exit_code, troubles(done)) == (0, []), done.output
