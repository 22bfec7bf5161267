# SPDX-License-Identifier: GPL-2.0-only
"""A cost profile: a TOML file of published costs per operation (data/profiles/README.md describes it)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.regular_files import read_toml
from acceptlab.analysis.run.platform import NAMES as PLATFORMS

EVIDENCE = ("published", "derived", "assumed")
INCLUDES = ("assign", "refused", "convert-private")
SIZES = ("4K", "2M")
_OPERATIONS = {"accept": SIZES, "convert": ("",)}
_LONGEST = 10**10
"""ns: ten seconds for one operation is a mistake."""


@dataclass(frozen=True)
class Price:
    """What one operation takes, ns, when ``vcpus`` do it at a time: time from begin to end by number of operations."""

    operation: str
    size: str
    vcpus: int
    ns: float
    evidence: str
    how: str


@dataclass(frozen=True)
class Profile:
    """All prices of one source. ``includes`` is what an accept's price contains already."""

    name: str
    platform: str
    about: str
    source: str
    includes: tuple[str, ...]
    prices: tuple[Price, ...]

    def ns(self, operation: str, size: str = "", vcpus: int = 1) -> float | None:
        """Time of one operation; None where the profile has no such price.

        Between two numbers of vCPUs it is interpolated on logarithmic axes; outside, the nearest one holds: nobody
        has shown more scaling than was measured.
        """
        known = self.listed(operation, size)
        if not known:
            return None
        below = [one for one in known if one.vcpus <= vcpus]
        above = [one for one in known if one.vcpus > vcpus]
        if not below:
            return above[0].ns
        if not above:
            return below[-1].ns
        low, high = below[-1], above[0]
        part = math.log(vcpus / low.vcpus) / math.log(high.vcpus / low.vcpus)
        return float(low.ns * (high.ns / low.ns) ** part)

    def listed(self, operation: str, size: str = "") -> list[Price]:
        """Prices of one operation, by number of vCPUs."""
        found = [one for one in self.prices if (one.operation, one.size) == (operation, size)]
        return sorted(found, key=lambda one: one.vcpus)


def read_profile(path: Path) -> Profile:
    """Read and check a profile; raises BadInput, in one line, for whatever is wrong with it."""
    try:
        data = read_toml(path)
    except OSError as error:
        raise BadInput(f"cannot read the profile {path}: {error.strerror or error}") from error
    try:
        return _profile(data)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def _profile(data: Mapping[str, Any]) -> Profile:
    _known_keys(data, ("name", "platform", "about", "source", "includes", "cost"), "the profile")
    includes = data.get("includes", [])
    if not isinstance(includes, list) or any(one not in INCLUDES for one in includes):
        raise BadInput(f"includes is not a list of some of {', '.join(INCLUDES)}")
    costs = data.get("cost", [])
    if not isinstance(costs, list) or not costs or not all(isinstance(one, dict) for one in costs):
        raise BadInput("[[cost]] is missing")
    prices = tuple(_price(one, number) for number, one in enumerate(costs, 1))
    places = [(one.operation, one.size, one.vcpus) for one in prices]
    if len(set(places)) < len(places):
        raise BadInput("two [[cost]] are for the same operation, size and vcpus")
    return Profile(
        _text(data, "name", "the profile"),
        _one_of(data, "platform", PLATFORMS, "the profile"),
        _text(data, "about", "the profile"),
        _text(data, "source", "the profile"),
        tuple(includes),
        prices,
    )


def _price(data: Mapping[str, Any], number: int) -> Price:
    where = f"[[cost]] number {number}"
    _known_keys(data, ("operation", "size", "vcpus", "ns", "evidence", "how"), where)
    operation = _one_of(data, "operation", tuple(_OPERATIONS), where)
    size = data.get("size", "")
    if size not in _OPERATIONS[operation]:
        raise BadInput(f"{where}: size {size!r} does not go with {operation}")
    vcpus, ns = data.get("vcpus"), data.get("ns")
    if isinstance(vcpus, bool) or not isinstance(vcpus, int) or not 1 <= vcpus <= 1 << 16:
        raise BadInput(f"{where}: vcpus is not a number of vCPUs")
    if isinstance(ns, bool) or not isinstance(ns, int | float) or not 0 < ns < _LONGEST:
        raise BadInput(f"{where}: ns is not a time in nanoseconds")
    evidence = _one_of(data, "evidence", EVIDENCE, where)
    return Price(operation, size, vcpus, float(ns), evidence, _text(data, "how", where))


def _known_keys(data: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    unknown = [key for key in data if key not in known]
    if unknown:
        raise BadInput(f"{where}: unknown key {unknown[0]!r}; keys are {', '.join(known)}")


def _text(data: Mapping[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(f"{where} has no {key}")
    return value


def _one_of(data: Mapping[str, Any], key: str, allowed: Sequence[str], where: str) -> str:
    value = data.get(key)
    if value not in allowed:
        raise BadInput(f"{where}: {key} is {value!r}, not one of {', '.join(allowed)}")
    return str(value)
