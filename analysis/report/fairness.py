# SPDX-License-Identifier: GPL-2.0-only
"""Whether kernels can stand side by side: what differs beside the patches has to be said before any figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Build:
    """How a kernel was made; "" is not known. ``name`` is what the document calls it."""

    name: str
    version: str = ""
    commit: str = ""
    configuration: str = ""
    compiler: str = ""
    sha256: str = ""

    @property
    def words(self) -> str:
        """Version, commit, configuration and compiler."""
        known = [self.version, f"commit {self.commit[:12]}" if self.commit else ""]
        known.append(f"configuration {self.configuration}" if self.configuration else "")
        known.append(self.compiler or "")
        return ", ".join(word for word in known if word) or "not known"


def unlike(builds: Sequence[Build]) -> list[str]:
    """A sentence for each kernel that was configured or compiled otherwise than the first, or of which that is not known."""
    first, *others = builds
    found = []
    for one in others:
        differs = _differing(first, one)
        if differs:
            found.append(
                f"Not a fair pair: {one.name} has another {' and another '.join(differs)} than {first.name}."
            )
        elif not (first.configuration and one.configuration):
            found.append(
                f"Whether {one.name} has the configuration of {first.name} is not known: "
                "differences may be the configuration's."
            )
    return found


def is_fair(one: Build, other: Build) -> bool:
    """Whether nothing that is known of two kernels keeps them from standing side by side."""
    return not _differing(one, other)


def _differing(one: Build, other: Build) -> list[str]:
    pairs = (
        ("configuration", one.configuration, other.configuration),
        ("compiler", one.compiler, other.compiler),
    )
    return [what for what, mine, its in pairs if mine and its and mine != its]
