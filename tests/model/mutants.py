# SPDX-License-Identifier: GPL-2.0-only
"""The mutants in mutants.toml: single places of the model, broken on purpose."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.model.library import HERE, MODEL, build_library


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    old: str
    new: str


def load() -> list[Mutant]:
    with (HERE / "mutants.toml").open("rb") as file:
        return [Mutant(**entry) for entry in tomllib.load(file)["mutant"]]


def build(mutant: Mutant, out: Path) -> Path:
    """The library with the mutant in it. Raises ValueError if its place is not there just once."""
    source = out / "model"
    shutil.copytree(MODEL, source, ignore=shutil.ignore_patterns("build"))
    broken = source / mutant.file
    text = broken.read_text()
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: found {text.count(mutant.old)} times in {mutant.file}")
    broken.write_text(text.replace(mutant.old, mutant.new))
    return build_library(source, out / "build", cflags="-O0")
