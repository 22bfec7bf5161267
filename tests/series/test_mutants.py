# SPDX-License-Identifier: GPL-2.0-only
"""The list of the reference series' mutants is whole, and the series without them is sound in the runs that show them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.mutation.subjects import KERNEL
from tests.series.changed_kernels import SMALL, kernel_with, run
from tests.series.mutants.subject import HERE, LIMIT, series, troubles

ALL = KERNEL.mutants()
RUNS = {one.run: one.sound for one in ALL}


def test_there_are_twenty_and_every_patch_is_listed() -> None:
    assert len(ALL) >= 20
    assert sorted(one.file.name for one in ALL) == sorted(p.name for p in HERE.glob("*.patch"))
    assert all(re.compile(one.says) and one.says for one in ALL)


@pytest.mark.long
@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_the_series_itself_is_sound_in_each_run(words: tuple[str, ...], tmp_path: Path) -> None:
    kernel = kernel_with(series().spec, series().patches, series().name)
    done = run(kernel, tmp_path / "run", [*SMALL, *LIMIT, *words])
    if RUNS[words]:
        assert re.search(RUNS[words], f"{done.info['reason']}\n{done.console}"), done.output
    else:
        assert (done.exit_code, troubles(done)) == (0, []), done.output
