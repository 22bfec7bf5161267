# SPDX-License-Identifier: GPL-2.0-only
"""The wire formats against arbitrary input, under gcc's address and undefined sanitizers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.model.library import HERE, MODEL

SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("fuzz") / "wire"
    sources = [str(HERE / "fuzz" / "wire.c"), *map(str, sorted(MODEL.glob("*.c")))]
    flags = ["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-DOWN_DRIVER", f"-I{MODEL}"]
    subprocess.run(["gcc", *flags, *SANITIZE.split(), *sources, "-o", str(program)], check=True)
    return program


def run(fuzzer: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(fuzzer), *arguments], capture_output=True, text=True, check=False, cwd=fuzzer.parent
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_fuzz_wire_formats(fuzzer: Path) -> None:
    assert run(fuzzer, "1", "60", "15000") == "15000 inputs, no finding\n"


@pytest.mark.long
def test_fuzz_wire_formats_ten_minutes(fuzzer: Path) -> None:
    output = run(fuzzer, "2", "600")
    assert output.endswith("no finding\n")
    assert int(output.split()[0]) > 100_000
