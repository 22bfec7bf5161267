# SPDX-License-Identifier: GPL-2.0-only
"""A series among the kernels of a comparison: its base, its patches or only the last, and what its spec compares with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.series import base, series_build
from acceptlab.toolkit.series.apply import Applied, apply
from acceptlab.toolkit.series.bundled import HOME
from acceptlab.toolkit.series.own_commits import is_range
from acceptlab.toolkit.series.series_source import Series
from acceptlab.toolkit.series.series_spec import FILE, read_spec

_LONGEST = 24
"""Characters of a kernel's name in a table of 72 columns."""


def is_series(text: str) -> bool:
    """Return whether an argument names a series rather than a kernel: a folder, an mbox, commits, or the name of one of ours."""
    if is_range(text):
        return True
    path = Path(text).expanduser()
    if path.is_dir() or (
        path.is_file() and path.name.endswith((".mbx", ".mbox", ".gz", ".eml", ".patch", ".toml"))
    ):
        return True
    return "/" not in text and any(read_spec(one).name == text for one in HOME.glob(f"*/*/{FILE}"))


def expanded(
    texts: Sequence[str], every: bool, others: bool, series_of: Callable[[str], Series]
) -> list[str]:
    """Return the kernels, each NAME=KERNEL, with every series replaced by its own, built if need be, in order.

    `series_of` reads a series that an argument names. All names are looked up before the first kernel is built.
    """
    series = {text: series_of(text) for text in texts if is_series(text)}
    for text in texts:
        if text not in series:
            resolve(text.partition("=")[2] or text)
    found: list[str] = []
    for text in texts:
        kernels = kernels_of(series[text], every, others) if text in series else [text]
        found += [kernel for kernel in kernels if kernel not in found]
    return found


def kernels_of(series: Series, every: bool, others: bool) -> list[str]:
    """Return what a series stands for: its base, each patch or only the last, and with `others` what its spec compares with.

    The series' own are a fair pair, of one configuration, and come first. All are at hand then. Kernels that are not there are
    found before any is built.
    """
    compared = series.spec.compare if others else ()
    for kernel in compared:
        resolve(kernel)
    done = apply(series, base.ensure(series.spec.base))
    last = len(series.patches)
    numbers = list(range(last + 1)) if every else [0, last]
    named = [f"{shown_name(done, number)}={_built(done, number)}" for number in numbers]
    return [*named, *compared]


def _built(done: Applied, number: int) -> str:
    return series_build.ensure(done, number).kernel.name


def shown_name(done: Applied, number: int) -> str:
    """Return what tables call a kernel of a series: its patch's number and subject, cut to fit."""
    if number == 0:
        return "base"
    name = f"{number} {done.commits[number].subject}".replace("=", " ")
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 2]}.."
