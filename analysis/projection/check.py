# SPDX-License-Identifier: GPL-2.0-only
"""A cost profile against boots that others have published: how far off is what it models."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from analysis.profile.read import Profile
from analysis.projection.project import price
from analysis.schema import PAGE_SIZE


@dataclass(frozen=True)
class PublishedBoot:
    """``bytes`` accepted in ``seconds`` by ``vcpus``; ``of`` is the profile that was made from it."""

    name: str
    platform: str
    bytes: int
    vcpus: int
    seconds: float
    of: str
    source: str


@dataclass(frozen=True)
class Checked:
    """A published boot and what a profile makes of it. ``factor`` is modelled by published; ``own`` when it was made from it."""

    boot: PublishedBoot
    modelled: float
    factor: float
    own: bool


@dataclass(frozen=True)
class PublishedBytes:
    """``bytes`` that a guest is known to have accepted lazily before its userspace."""

    platform: str
    memory: int
    vcpus: int
    bytes: int
    source: str


def published() -> list[PublishedBoot]:
    """Every published boot."""
    return [PublishedBoot(**one) for one in _data()["boot"]]


def published_bytes() -> list[PublishedBytes]:
    """Every published number of bytes."""
    return [PublishedBytes(**one) for one in _data()["bytes"]]


def _data() -> dict[str, Any]:
    text = files("analysis.projection").joinpath("published.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def check(profile: Profile) -> list[Checked]:
    """The profile on every boot of its platform; hosts with 4 KiB pages, as all of them had."""
    found = []
    for boot in published():
        ns = price(profile, 0, boot.bytes // PAGE_SIZE, boot.vcpus)
        if boot.platform == profile.platform and ns is not None:
            seconds = ns / 1e9
            found.append(Checked(boot, seconds, seconds / boot.seconds, boot.of == profile.name))
    return found
