# SPDX-License-Identifier: GPL-2.0-only
"""Words that the shell offers for the arguments of commands. Quick: they read a few small files, and never the network."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable

from acceptlab.toolkit.kernels.suites import SUITES
from acceptlab.toolkit.places import CHECKOUT, cache

Completer = Callable[[str], list[str]]


def starting_with(words: Iterable[str], incomplete: str) -> list[str]:
    """Return the words that begin with what is typed so far."""
    return [word for word in words if word.startswith(incomplete)]


def one_of(words: Iterable[str]) -> Completer:
    """Return a completer of a fixed list."""
    listed = tuple(words)

    def complete(incomplete: str) -> list[str]:
        return starting_with(listed, incomplete)

    return complete


def kernels(incomplete: str) -> list[str]:
    """Offer the kernels in the cache."""
    return starting_with(sorted({*_cached_kernels(), *suites("")}), incomplete)


def suites(incomplete: str) -> list[str]:
    """Offer a name for each suite of Debian that has kernels: ``debian:sid``."""
    return starting_with([f"debian:{suite}" for suite in SUITES], incomplete)


def series(incomplete: str) -> list[str]:
    """Offer the series in patches/."""
    return starting_with(_series(), incomplete)


def profiles(incomplete: str) -> list[str]:
    """Offer the cost profiles in data/profiles/."""
    found = sorted(path.stem for path in (CHECKOUT / "data" / "profiles").glob("*.toml"))
    return starting_with(found, incomplete)


LIVE: dict[str, Completer] = {"kernels": kernels, "series": series, "profiles": profiles}
"""Those whose words change while the program stays the same."""


def _cached_kernels() -> list[str]:
    """Return names as `kernel list` shows them; what is no such file is passed over."""
    names = []
    for path in (cache() / "kernels").glob("*/meta.json"):
        try:
            names.append(str(json.loads(path.read_text())["name"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return names


def _series() -> list[str]:
    names = []
    for path in sorted((CHECKOUT / "patches").glob("*/*/series.toml")):
        try:
            names.append(str(tomllib.loads(path.read_text())["name"]))
        except (OSError, ValueError, KeyError):
            continue
    return names
