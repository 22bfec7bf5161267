# SPDX-License-Identifier: GPL-2.0-only
"""Runs that share a process leave what each would leave by itself, and nothing of one gets into the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.run import emulator_run, materials
from acceptlab.toolkit.run.emulator_run import prepare
from acceptlab.toolkit.run.materials import Materials, SharedMaterials
from acceptlab.toolkit.run.options import RunOptions
from tests.toolkit import toy

SHARED = {"attacks": ("kernel remap 0x100000",), "schedule": "random:1", "time_limit": 9.0}
"""Options in which runs may differ that are made of the same."""


@pytest.fixture
def options(tmp_path: Path, own_cache: Path) -> Callable[..., RunOptions]:
    kernel = str(toy.make_kernel(tmp_path))
    return lambda **more: RunOptions(kernel, **({"memory": "256M"} | more))


@pytest.fixture
def gathered(monkeypatch: pytest.MonkeyPatch) -> list[RunOptions]:
    """Return the options for which materials were gathered by SharedMaterials."""
    asked: list[RunOptions] = []
    gather = materials.gather

    def seen(options: RunOptions, kernel: object, shell: None) -> Materials:
        asked.append(options)
        return gather(options, kernel, shell)  # type: ignore[arg-type]

    monkeypatch.setattr(materials, "gather", seen)
    return asked


def left(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_runs_one_after_the_other_get_what_each_gets_by_itself(
    tmp_path: Path, options: Callable[..., RunOptions], gathered: list[RunOptions]
) -> None:
    emulator = toy.make_emulator(tmp_path, "userspace")
    shared = SharedMaterials()
    runs = [
        options(),
        options(attacks=SHARED["attacks"]),
        options(),
        options(platform="tdx"),
        options(schedule="random:3", cpus=2),
        options(memory="512M"),
        options(seed=5),
        options(accept="eager", seed=5),
        options(),
    ]
    for number, one in enumerate(runs):
        alone, together = tmp_path / f"alone{number}", tmp_path / f"together{number}"
        kernel = resolve(one.kernel)
        by_itself = prepare(one, kernel, emulator, alone)
        in_a_row = prepare(one, kernel, emulator, together, shared=shared)
        assert left(together) == left(alone), one
        words = [word.replace(str(together), str(alone)) for word in in_a_row.command]
        assert words == list(by_itself.command), one
    assert gathered == [runs[0], *runs[3:]], "an attack takes nothing else"


@pytest.mark.parametrize("name", SHARED)
def test_a_run_that_differs_in_this_alone_is_made_of_the_same(
    options: Callable[..., RunOptions], name: str
) -> None:
    shared, one = SharedMaterials(), options(cpus=2)
    kernel = resolve(one.kernel)
    first = shared.of(one, kernel)
    assert shared.of(options(cpus=2, **{name: SHARED[name]}), kernel) is first


def test_another_file_by_the_same_name_is_another_kernel(
    tmp_path: Path, options: Callable[..., RunOptions]
) -> None:
    shared, one = SharedMaterials(), options()
    first = shared.of(one, resolve(one.kernel))
    (tmp_path / "bzImage").write_bytes(toy.make_bzimage() + b"\0" * 4096)
    assert shared.of(one, resolve(one.kernel)) is not first


def test_what_is_kept_is_not_written_to(tmp_path: Path, options: Callable[..., RunOptions]) -> None:
    """A run may not alter what the next is made of."""
    one, shared = options(), SharedMaterials()
    kernel = resolve(one.kernel)
    before = repr(shared.of(one, kernel))
    emulator = toy.make_emulator(tmp_path, "userspace")
    shown = emulator_run.perform(one, kernel, emulator, tmp_path / "run", False, shared=shared)
    assert json.loads((shown.folder / "run.json").read_text())["outcome"] == "userspace"
    assert repr(shared.of(one, kernel)) == before
