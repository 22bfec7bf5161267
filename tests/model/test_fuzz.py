# SPDX-License-Identifier: GPL-2.0-only
"""The wire formats against arbitrary input, under the address and undefined sanitizers.

Two ways to come by inputs: a driver of our own, whose long random inputs find a wrong bound within seconds, and clang's libFuzzer,
which keeps what reaches new code and so goes where chance does not lead.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.analysis.fuzzing import SECONDS
from tests.model.library import HERE, MODEL

pytestmark = pytest.mark.processes

SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"


SOURCES = [str(HERE / "fuzz" / "wire.c"), *map(str, sorted(MODEL.glob("*.c")))]
FLAGS = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", f"-I{MODEL}"]


def built(folder: Path, *command: str) -> Path:
    """Return the fuzzer, compiled by ``command``."""
    program = folder / "wire"
    done = subprocess.run(
        [*command, *FLAGS, *SANITIZE.split(), *SOURCES, "-o", str(program)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return program


def run(fuzzer: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(fuzzer), *arguments], capture_output=True, text=True, check=False, cwd=fuzzer.parent
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def test_fuzz_wire_formats(tmp_path: Path) -> None:
    fuzzer = built(tmp_path, "gcc", "-DOWN_DRIVER")
    assert run(fuzzer, "1", "60", "15000").stdout == "15000 inputs, no finding\n"


@pytest.mark.long
@pytest.mark.fuzz
def test_fuzz_wire_formats_ten_minutes(tmp_path: Path) -> None:
    seconds = max(60, round(SECONDS))
    output = run(built(tmp_path, "gcc", "-DOWN_DRIVER"), "2", str(seconds)).stdout
    assert output.endswith("no finding\n")
    assert int(output.split()[0]) > 100 * seconds


@pytest.mark.long
def test_fuzz_wire_formats_ten_minutes_led_by_coverage(tmp_path: Path) -> None:
    assert shutil.which("clang"), "clang is not installed: `make test-long` installs it"
    fuzzer = built(tmp_path, "clang", "-fsanitize=fuzzer")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    said = run(fuzzer, "-seed=1", "-max_len=2048", "-max_total_time=600", str(corpus)).stderr
    [done] = re.findall(r"^Done (\d+) runs", said, re.MULTILINE)
    assert int(done) > 20_000
    assert len(list(corpus.iterdir())) > 100, "inputs that reach new code"
