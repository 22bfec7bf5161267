# SPDX-License-Identifier: GPL-2.0-only
"""A projection: bytes and operations of a guest of any size, and their modelled times by a cost profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.estimate.fit import Boot, Fit, fit
from acceptlab.analysis.measure.cost_profile import Profile
from acceptlab.analysis.trace.schema import PAGE_SIZE, UNIT_SIZE

MOST_MEMORY = 12 << 40
MOST_CPUS = 512


@dataclass(frozen=True)
class Target:
    """The guest to project to. ``memory`` in bytes; ``backing`` is the size of the host's pages, 4K or 2M."""

    memory: int
    cpus: int
    backing: str


@dataclass(frozen=True)
class Outlook:
    """What is accepted before userspace in one mode. Times modelled, ns; None without a price for the size.

    ``alone`` is one vCPU accepting everything, ``together`` as many as the guest has at a time.
    """

    accept: str
    bytes: int
    large: int
    small: int
    alone: float | None
    together: float | None


@dataclass(frozen=True)
class Projection:
    """A target size, its derivation, and the estimated acceptance, lazy and eager."""

    target: Target
    profile: Profile
    boots: tuple[Boot, ...]
    fit: Fit
    outlooks: tuple[Outlook, ...]
    assumptions: tuple[str, ...]


def project(boots: Sequence[Boot], target: Target, profile: Profile) -> Projection:
    """Project runs to a target. Raises BadInput for runs of different platforms, or a profile of the other."""
    platforms = {boot.platform for boot in boots}
    if platforms != {profile.platform}:
        raise BadInput(
            f"the profile {profile.name} is for {profile.platform}, and the runs are "
            f"{', '.join(sorted(platforms))}: estimate each platform separately"
        )
    found = fit(boots)
    handed = max(boot.at_handoff for boot in boots)
    lazy = min(found.accepted(target.memory, target.cpus), max(target.memory - handed, 0))
    outlooks = tuple(
        outlook(accept, size, _share_of_large(boots, target), target, profile)
        for accept, size in (("lazy", lazy), ("eager", max(target.memory - handed, 0)))
    )
    return Projection(
        target, profile, tuple(boots), found, outlooks, _assumptions(found, handed, target, profile)
    )


def outlook(
    accept: str, size: int, share_of_large: float, target: Target, profile: Profile
) -> Outlook:
    """Operations and times of accepting ``size`` bytes."""
    large = int(size * share_of_large) // UNIT_SIZE
    small = (size - large * UNIT_SIZE) // PAGE_SIZE
    alone, together = (price(profile, large, small, cpus) for cpus in (1, target.cpus))
    return Outlook(accept, size, large, small, alone, together)


def price(profile: Profile, large: int, small: int, cpus: int) -> float | None:
    """Modelled ns until all is accepted; None when the profile has no price for what there is."""
    total = 0.0
    for size, number in (("2M", large), ("4K", small)):
        ns = profile.ns("accept", size, cpus)
        if number and ns is None:
            return None
        total += number * (ns or 0.0)
    return total


def _share_of_large(boots: Sequence[Boot], target: Target) -> float:
    """Part of the bytes that are accepted in blocks of 2 MiB: as in the runs, and none on 4K pages."""
    if target.backing == "4K":
        return 0.0
    same = [boot for boot in boots if boot.backing == target.backing]
    total = sum(boot.accepted for boot in same)
    return sum(boot.large for boot in same) / total if total else 1.0


def _assumptions(found: Fit, handed: int, target: Target, profile: Profile) -> tuple[str, ...]:
    memory = (
        f"memory: {found.per_byte * 1024:.1f} MiB per GiB, from the two largest runs"
        if "memory" in found.measured
        else "memory: assumed 1/64 of the additional memory (struct page, 64 bytes per 4 KiB); runs of several sizes would measure it"
    )
    cpus = (
        f"vCPUs: {found.per_cpu / (1 << 20):.1f} MiB each, from the runs of one size"
        if "vCPUs" in found.measured
        else "vCPUs: assumed no cost per additional vCPU; runs with different numbers of vCPUs would measure it"
    )
    prices = profile.listed("accept", "4K") + profile.listed("accept", "2M")
    tried = max((one.vcpus for one in prices), default=1)
    return (
        f"Lazy acceptance before userspace is assumed to grow linearly with {memory}.",
        f"Of {cpus}.",
        f"For the runs themselves, the estimate is off by at most {100 * found.worst:.0f} %.",
        f"Firmware accepts {handed / (1 << 20):,.1f} MiB, as in the runs; eager acceptance covers all the rest.",
        f"The host uses {target.backing} pages; the cost of an operation does not depend on the guest's size.",
        f"More than {tried} vCPUs are assumed to accept no faster than {tried}: no figures are published.",
        "The time covers acceptance only: no other part of the boot, and no waiting for locks.",
    )
