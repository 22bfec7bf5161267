# SPDX-License-Identifier: GPL-2.0-only
"""Making the next thing while the last one is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def one_ahead(things: Iterator[T]) -> Iterator[T]:
    """The same things, each from the third on made in a second thread while the one before it is used.

    Most runs are read in one piece, for which a thread costs more than it saves: so two are made without.
    What the iterator raises is raised here, in its place. No thread is left when this ends.
    """
    for _ in range(2):
        if (thing := next(things, _END)) is _END:
            return
        yield thing  # type: ignore[misc]
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, things, _END)
        while (thing := coming.result()) is not _END:
            coming = pool.submit(next, things, _END)
            yield thing  # type: ignore[misc]
