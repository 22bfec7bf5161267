# SPDX-License-Identifier: GPL-2.0-only
"""The model's own tests once more, with a model under the address and undefined sanitizers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.model.library import HERE, MODEL, VECTORS, build_library

pytestmark = pytest.mark.processes

RANDOM = [HERE / "test_random_snp.py", HERE / "test_random_tdx.py"]
OVERFLOW = """
import ctypes
ctypes.CDLL({library!r}).ghcb_answer_begin(ctypes.create_string_buffer(1000))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment in which Python loads the sanitized model; libasan has to be loaded before Python itself."""
    library = build_library(MODEL, tmp_path_factory.mktemp("model"), "sanitize", "-O1 -g")
    runtime = [
        subprocess.run(
            ["gcc", f"-print-file-name={name}.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in ("libasan", "libubsan")
    ]
    return {
        **os.environ,
        "ACCEPTLAB_MODEL_LIBRARY": str(library),
        "LD_PRELOAD": " ".join(runtime),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
    }


def test_a_wrong_access_would_end_the_tests(environment: dict[str, str]) -> None:
    """Else the next test shows nothing."""
    program = OVERFLOW.format(library=environment["ACCEPTLAB_MODEL_LIBRARY"])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "PYTHONMALLOC": "malloc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "AddressSanitizer" in done.stderr


def test_the_models_tests_under_sanitizers(environment: dict[str, str], tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not long",
        f"--basetemp={tmp_path / 'inner'}",
    ]
    done = subprocess.run(
        [*words, *map(str, [*VECTORS, *RANDOM])], env=environment, capture_output=True, text=True, check=False,
        cwd=HERE.parents[1],
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert " passed" in done.stdout
