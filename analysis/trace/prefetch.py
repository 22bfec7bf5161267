# SPDX-License-Identifier: GPL-2.0-only
"""Making the next thing while the last one is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_END = object()


def one_ahead(things: Iterator[T]) -> Iterator[T]:
    """The same things, each made in a second thread while the one before it is used.

    What the iterator raises is raised here, in its place. No thread is left when this ends.
    """
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, things, _END)
        while (thing := coming.result()) is not _END:
            coming = pool.submit(next, things, _END)
            yield thing  # type: ignore[misc]
