# SPDX-License-Identifier: GPL-2.0-only
"""How much a kernel accepts before userspace, by memory and vCPUs: slopes from the runs at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from acceptlab.analysis.bad_input import BadInput
from acceptlab.analysis.measure.cost import Cost
from acceptlab.analysis.run.run_folder import Run
from acceptlab.analysis.trace.schema import STAGE_NAMES, Kind, Stage

MEMMAP_SHARE = 1 / 64
"""sizeof(struct page) by PAGE_SIZE: 64 bytes for 4096 (Linux on x86-64); allocated, and so accepted, at boot."""


@dataclass(frozen=True)
class Boot:
    """What one run tells. Bytes; ``accepted`` is before userspace, and of it ``large`` in blocks of 2 MiB."""

    name: str
    platform: str
    accept: str
    backing: str
    memory: int
    cpus: int
    at_handoff: int
    accepted: int
    large: int


@dataclass(frozen=True)
class Fit:
    """Bytes accepted before userspace are ``base + per_byte * memory + per_cpu * vCPUs``.

    ``measured`` has, of "memory" and "vCPUs", those whose slope the runs tell; the other is assumed. ``worst`` is the largest
    relative error over the runs themselves.
    """

    base: float
    per_byte: float
    per_cpu: float
    measured: frozenset[str]
    worst: float

    def accepted(self, memory: int, cpus: int) -> int:
        """Bytes accepted before userspace by such a guest."""
        return max(int(self.base + self.per_byte * memory + self.per_cpu * cpus), 0)


def boot_of(run: Run, cost: Cost) -> Boot:
    """The facts of a run. Raises BadInput for one that did not reach userspace."""
    info = run.info
    if "userspace" not in cost.stages:
        raise BadInput(f"{run.path} did not reach userspace: nothing to estimate from")
    before = STAGE_NAMES[: int(Stage.USERSPACE)]
    mine = [one for one in cost.operations if one.kind == _ACCEPT and one.stage in before]
    return Boot(
        run.path.resolve().name,
        info.platform,
        info.machine.accept,
        info.host.backing,
        info.machine.memory,
        info.machine.cpus,
        cost.launched,
        sum(one.bytes for one in mine),
        sum(one.bytes for one in mine if one.size == "2M"),
    )


_ACCEPT = Kind.ACCEPT.name.lower()


def fit(boots: Sequence[Boot]) -> Fit:
    """Slopes from lazy boots that differ in one thing only, laid through the largest of them.

    Growth is not quite linear, and what counts is how it goes on: the slope of memory is that between the two largest sizes.
    What no two runs differ in has an assumed slope: memory 1/64, vCPUs 0. Raises BadInput when there is no lazy boot.
    """
    lazy = [boot for boot in boots if boot.accept == "lazy"]
    if not lazy:
        raise BadInput("an estimate of lazy acceptance needs a run with --accept lazy")
    per_byte, per_cpu = _slope_of_memory(lazy), _slope_of_cpus(lazy)
    slopes = {"memory": per_byte, "vCPUs": per_cpu}
    measured = frozenset(name for name, slope in slopes.items() if slope is not None)
    per_byte = MEMMAP_SHARE if per_byte is None else per_byte
    per_cpu = per_cpu or 0.0
    largest = max(lazy, key=lambda boot: (boot.memory, boot.cpus))
    base = largest.accepted - per_byte * largest.memory - per_cpu * largest.cpus
    found = Fit(base, per_byte, per_cpu, measured, 0.0)
    errors = [
        abs(found.accepted(boot.memory, boot.cpus) / max(boot.accepted, 1) - 1) for boot in lazy
    ]
    return replace(found, worst=max(errors))


def _slope_of_memory(lazy: Sequence[Boot]) -> float | None:
    """Bytes per byte between the two largest sizes that were run with the same number of vCPUs."""
    pairs = []
    for cpus in {boot.cpus for boot in lazy}:
        sizes = sorted({boot.memory: boot for boot in lazy if boot.cpus == cpus}.items())
        if len(sizes) > 1:
            pairs.append((sizes[-1][1], sizes[-2][1]))
    if not pairs:
        return None
    large, small = max(pairs, key=lambda pair: pair[0].memory)
    return (large.accepted - small.accepted) / (large.memory - small.memory)


def _slope_of_cpus(lazy: Sequence[Boot]) -> float | None:
    """Bytes per vCPU, by least squares over the size that was run with the most numbers of vCPUs."""
    by_memory = {
        memory: {boot.cpus: boot for boot in lazy if boot.memory == memory}
        for memory in {boot.memory for boot in lazy}
    }
    most = max(by_memory.values(), key=lambda some: (len(some), max(some)))
    if len(most) < 2:
        return None
    cpus, accepted = zip(*((one.cpus, one.accepted) for one in most.values()), strict=True)
    return float(np.polyfit(cpus, accepted, 1)[0])
