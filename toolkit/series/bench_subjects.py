# SPDX-License-Identifier: GPL-2.0-only
"""A series among the kernels of a comparison: its base, its patches or only the last, and what its spec compares with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from acceptlab.toolkit.series import base, series_build
from acceptlab.toolkit.series.apply import Applied, apply
from acceptlab.toolkit.series.bundled import HOME, path_of
from acceptlab.toolkit.series.series_source import Series, read_series
from acceptlab.toolkit.series.series_spec import FILE, read_spec

_LONGEST = 24
"""Characters of a kernel's name in a table of 72 columns."""


def is_series(text: str) -> bool:
    """Tell whether an argument names a series rather than a kernel: a folder, an mbox, or the name of a series of ours."""
    path = Path(text).expanduser()
    if path.is_dir() or (path.is_file() and path.suffix in (".mbx", ".mbox", ".toml")):
        return True
    return "/" not in text and any(read_spec(one).name == text for one in HOME.glob(f"*/*/{FILE}"))


def expanded(texts: Sequence[str], spec: Path | None, every: bool) -> list[str]:
    """Return the kernels, each NAME=KERNEL, with every series replaced by its own, built if need be, in order."""
    found: list[str] = []
    for text in texts:
        if not is_series(text):
            found.append(text)
            continue
        series = read_series(path_of(text), spec)
        found += [kernel for kernel in kernels_of(series, every) if kernel not in found]
    return found


def kernels_of(series: Series, every: bool) -> list[str]:
    """Return what a series stands for: the kernels that its spec compares with, its base, each patch or only the last."""
    done = apply(series, base.ensure(series.spec.base))
    last = len(series.patches)
    numbers = list(range(last + 1)) if every else [0, last]
    named = [f"{shown_name(done, number)}={_built(done, number)}" for number in numbers]
    return [*series.spec.compare, *named]


def _built(done: Applied, number: int) -> str:
    return series_build.ensure(done, number).kernel.name


def shown_name(done: Applied, number: int) -> str:
    """Return what tables call a kernel of a series: its patch's number and subject, cut to fit."""
    if number == 0:
        return "base"
    name = f"{number} {done.commits[number].subject}".replace("=", " ")
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 2]}.."
