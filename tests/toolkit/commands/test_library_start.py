# SPDX-License-Identifier: GPL-2.0-only
"""numpy and pyarrow start without threads and cloud file systems, and the user's own settings stay."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_REPORT = """
import os
from acceptlab.toolkit.cli.library_start import start_lightly
start_lightly()
import numpy
print(os.environ["OPENBLAS_NUM_THREADS"], len(os.listdir("/proc/self/task")))
import pyarrow.fs
print(" ".join(pyarrow.fs._not_imported))
"""


def _report(**environment: str) -> list[str]:
    without = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", _REPORT],
        env=without | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.processes
def test_numpy_starts_one_thread_and_pyarrow_no_cloud_file_system() -> None:
    threads, left_out = _report()
    assert threads == "1 1"
    assert {"S3FileSystem", "GcsFileSystem", "AzureFileSystem", "HadoopFileSystem"} <= set(
        left_out.split()
    )


@pytest.mark.processes
def test_the_users_number_of_threads_stays() -> None:
    assert _report(OPENBLAS_NUM_THREADS="2")[0].split()[0] == "2"
