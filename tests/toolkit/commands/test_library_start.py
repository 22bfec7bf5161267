# SPDX-License-Identifier: GPL-2.0-only
"""numpy and pyarrow start without threads and cloud file systems, and the user's own settings stay; a small run loads little else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from acceptlab.toolkit.places import CHECKOUT

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


_JUDGED = """
import sys
from acceptlab.toolkit.cli import app
sys.argv[1:] = ["replay", "traces/snp-lazy"]
try:
    app.main()
finally:
    print(" ".join(sorted(sys.modules)))
"""


@pytest.mark.processes
def test_a_process_that_judges_loads_nothing_that_takes_as_long_as_the_run() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _JUDGED], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    verdict, loaded = done.stdout.splitlines()[0], set(done.stdout.splitlines()[-1].split())
    assert verdict.startswith("traces/snp-lazy: clean:")
    assert {"numpy", "pyarrow.parquet"} <= loaded
    others = {"typer", "click", "rich", "pandas", "plotly", "numpy.ma"}
    assert loaded & others == set()
