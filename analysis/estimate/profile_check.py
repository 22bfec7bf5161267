# SPDX-License-Identifier: GPL-2.0-only
"""A cost profile against boots that others have published: which of them can check it, and how far off it is from those.

A price is that of one host. What another host took says how much hosts differ, not how good the prices are; and a figure from which a price
was computed gives that price back.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from typing import Any

from acceptlab.analysis.estimate.estimate import price
from acceptlab.analysis.measure.cost_profile import Profile
from acceptlab.analysis.trace.schema import PAGE_SIZE


@dataclass(frozen=True)
class PublishedBoot:
    """``bytes`` accepted in ``seconds`` by ``vcpus``; ``of`` is the profile of its host.

    ``in_prices``: a price of that profile was computed from it. ``not_alone``: what else the time has in it.
    """

    name: str
    platform: str
    bytes: int
    vcpus: int
    seconds: float
    of: str
    source: str
    in_prices: bool
    not_alone: str = ""


class Standing(Enum):
    """What a published boot says about a profile."""

    CHECKS = "checks"
    IN_PRICES = "in the costs"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class Checked:
    """A published boot and what a profile makes of it, s. ``factor`` is modelled by published; ``why`` it is not comparable, if so."""

    boot: PublishedBoot
    modelled: float
    factor: float
    standing: Standing
    why: str = ""


@dataclass(frozen=True)
class PublishedBytes:
    """``bytes`` that a guest is known to have accepted lazily before its userspace."""

    platform: str
    memory: int
    vcpus: int
    bytes: int
    kernel: str
    source: str


def published() -> list[PublishedBoot]:
    """Every published boot."""
    return [PublishedBoot(**one) for one in _data()["boot"]]


def published_bytes() -> list[PublishedBytes]:
    """Every published number of bytes."""
    return [PublishedBytes(**one) for one in _data()["bytes"]]


def _data() -> dict[str, Any]:
    text = (
        files("acceptlab.analysis.estimate").joinpath("published.toml").read_text(encoding="utf-8")
    )
    return tomllib.loads(text)


def check(profile: Profile) -> list[Checked]:
    """The profile on every boot of its platform; hosts with 4 KiB pages, as all of them had."""
    found = []
    for boot in published():
        ns = price(profile, 0, boot.bytes // PAGE_SIZE, boot.vcpus)
        if boot.platform == profile.platform and ns is not None:
            seconds = ns / 1e9
            found.append(Checked(boot, seconds, seconds / boot.seconds, *_standing(boot, profile)))
    return found


def _standing(boot: PublishedBoot, profile: Profile) -> tuple[Standing, str]:
    tried = max((one.vcpus for one in profile.listed("accept", "4K")), default=1)
    if boot.of != profile.name:
        return Standing.NOT_COMPARABLE, "another host, guest and kernel"
    if boot.not_alone:
        return Standing.NOT_COMPARABLE, boot.not_alone
    if boot.vcpus > tried:
        return Standing.NOT_COMPARABLE, f"the profile has no cost for more than {tried} vCPUs"
    return (Standing.IN_PRICES if boot.in_prices else Standing.CHECKS), ""
