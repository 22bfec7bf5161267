# SPDX-License-Identifier: GPL-2.0-only
"""The versions of QEMU that the emulator can be built on (bases.json), and the choice among them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from acceptlab.toolkit.errors import BadInputError

VARIABLE = "ACCEPTLAB_QEMU"
"""The environment variable that names another base than the default, for every command."""
_FILE = Path(__file__).with_name("bases.json")


@dataclass(frozen=True)
class Pins:
    """SHA-256 of both halves of a source package: QEMU's original tarball, and Debian's part."""

    orig: str
    debian: str


@dataclass(frozen=True)
class Base:
    """One version of QEMU, as a release of Debian ships its source.

    A revision that is not pinned, of a later point release, is taken when apt vouches for it.
    """

    version: str
    release: str
    """Code name of the release of Debian that has it."""
    package: str
    revisions: str
    """What the versions of the source package begin with."""
    meson: str
    """The oldest Meson that its configure takes."""
    configure: tuple[str, ...]
    """Options of its configure beside those of every base."""
    pins: dict[str, Pins]
    """By version of the source package."""


def known() -> dict[str, Base]:
    """Return every base by its version, the default first."""
    return {one["version"]: _base(**one) for one in json.loads(_FILE.read_text())["bases"]}


def _base(pins: dict[str, dict[str, str]], configure: list[str], **fields: str) -> Base:
    return Base(
        pins={version: Pins(**halves) for version, halves in pins.items()},
        configure=tuple(configure),
        **fields,
    )


def default() -> Base:
    """Return the base that is used where none is named."""
    return next(iter(known().values()))


def named(version: str) -> Base:
    """Return the base of a version. Raises BadInputError when there is none."""
    bases = known()
    if version not in bases:
        raise BadInputError(
            f"the emulator cannot be built on QEMU {version}: choose {' or '.join(bases)}"
        )
    return bases[version]


def chosen() -> Base:
    """Return the base that the environment names, else the default."""
    version = os.environ.get(VARIABLE, "")
    return named(version) if version else default()
