# SPDX-License-Identifier: GPL-2.0-only
"""Cost profiles by name: those of profiles/, or a file of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import CHECKOUT

if TYPE_CHECKING:
    from acceptlab.analysis.measure.cost_profile import Profile

FOLDER = CHECKOUT / "data" / "profiles"


def names() -> list[str]:
    """Return the names that `--profile` knows."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find_profile(name: str) -> Profile:
    """Return a profile by name or path. Raises BadInputError or BadInput, in one line."""
    from acceptlab.analysis.measure.cost_profile import read_profile

    path = Path(name)
    if "/" not in name and path.suffix != ".toml":
        path = FOLDER / f"{name}.toml"
        if name not in names():
            raise BadInputError(f"no profile {name!r}; profiles are {', '.join(names())}")
    return read_profile(path)
