# SPDX-License-Identifier: GPL-2.0-only
"""Where the work is done. Every engine is an Executor of Python's own kind, so that the work does not know which it is."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from acceptlab.toolkit.errors import MachineError
from acceptlab.toolkit.processes import die_with_parent

_PATIENCE = 20
"""Seconds to wait for a scheduler."""


@contextmanager
def local_engine(jobs: int) -> Iterator[Executor]:
    """`jobs` processes of this machine; they are gone when the block is left, whatever happens."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _begin)
    try:
        yield pool
    except BaseException:
        for process in list((getattr(pool, "_processes", None) or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def dask_engine(address: str) -> Iterator[Executor]:
    """The workers of the Dask scheduler at `address`. They need this version of acceptlab, and see the same folders.

    Raises MachineError when Dask is not installed or the scheduler does not answer.
    """
    try:
        import distributed
    except ImportError as error:
        raise MachineError(
            "Dask is not installed: run setup/bootstrap.sh --batch, or pip install 'dask[distributed]'"
        ) from error
    try:
        client: Any = distributed.Client(address, timeout=_PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise MachineError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        yield client.get_executor(pure=False, retries=1)


def _begin() -> None:
    """In each process: leave Ctrl-C to the parent, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent()
