# SPDX-License-Identifier: GPL-2.0-only
"""Runs that differ in nothing but the seed belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acceptlab.analysis.report.facts import Subject, mib
from acceptlab.analysis.report.tables import Table

_WORKLOAD = "acceptlab.workload="
"""The parameter by which the guest's init is given its workloads."""


@dataclass(frozen=True)
class Group:
    """Runs of everything the same but the seed. ``name`` tells it from the report's other groups.

    ``repeats`` counts runs that were left out because they have the seed and the trace of another: they add no knowledge.
    """

    name: str
    subjects: tuple[Subject, ...]
    repeats: int = 0

    @property
    def label(self) -> str:
        """What differs, and which run or runs it is."""
        first, others = self.subjects[0].name, len(self.subjects) - 1
        runs = f"{first} and {others} more" if others else first
        return runs if self.name == first else f"{self.name} ({runs})"


def groups_of(subjects: Sequence[Subject]) -> list[Group]:
    """The groups, in order of their first run."""
    by_key: dict[str, list[Subject]] = {}
    for subject in subjects:
        by_key.setdefault(_key(subject), []).append(subject)
    names = _names([some[0] for some in by_key.values()])
    found = []
    for name, some in zip(names, by_key.values(), strict=True):
        distinct = {_trace(subject): subject for subject in reversed(some)}
        kept = tuple(subject for subject in some if distinct[_trace(subject)] is subject)
        found.append(Group(name, kept, len(some) - len(kept)))
    return found


def by_seeds(groups: Sequence[Group]) -> bool:
    """Whether any group has runs with several seeds: then groups are compared, and not single runs."""
    return any(len(group.subjects) > 1 for group in groups)


def detailed_runs(groups: Sequence[Group]) -> list[Subject]:
    """The runs that a report tells about in full: the first of each group, and all that are not clean."""
    return [
        subject
        for group in groups
        for number, subject in enumerate(group.subjects)
        if number == 0 or subject.verdict.verdict != "clean"
    ]


def runs_table(groups: Sequence[Group]) -> Table:
    """Every run of every group, and what became of it."""
    rows = [
        [
            subject.name,
            str(subject.run.info.machine.seed),
            subject.verdict.verdict,
            subject.run.info.outcome,
        ]
        for group in groups
        for subject in group.subjects
    ]
    return Table("Every run", ("run", "seed", "verdict", "outcome"), rows)


def workload_of(command_line: str) -> str:
    """The workloads that a guest was given, as `--workload` takes them, sizes in whole MiB where they are; "" for none."""
    found = [word.partition("=")[2] for word in command_line.split() if word.startswith(_WORKLOAD)]
    return " ".join(_sized(one) for one in found if one)


def _sized(workload: str) -> str:
    name, colon, argument = workload.partition(":")
    if argument.isdecimal() and int(argument) and int(argument) % (1 << 20) == 0:
        argument = f"{int(argument) >> 20}M"
    return f"{name}{colon}{argument}"


def _key(subject: Subject) -> str:
    info = subject.run.info
    machine = info.machine
    same = (
        info.platform, info.source, info.clock, info.kernel.sha256, info.kernel.version, info.series,
        _without_clock_rate(info.command_line), machine.memory, machine.cpus, machine.policy,
        machine.kaslr, info.handoff.ram, info.handoff.accepted, info.host, info.attacks,
        info.hotplug, info.relaxations, [probe.name for probe in info.probes],
    )  # fmt: skip
    return repr(same)


def _without_clock_rate(command_line: str) -> str:
    """The rate of the host's TSC is measured for every run on several threads."""
    return " ".join(w for w in command_line.split() if not w.startswith("tsc_early_khz="))


def _trace(subject: Subject) -> tuple[int | None, str]:
    return subject.run.info.machine.seed, subject.run.info.events.sha256


def _names(firsts: Sequence[Subject]) -> list[str]:
    """What varies between the groups, as short as can be; else the runs' names."""
    axes = [_axes(subject) for subject in firsts]
    varying = [name for name in axes[0] if len({one[name] for one in axes}) > 1]
    names = [", ".join(one[name] for name in varying) for one in axes]
    if len(set(names)) < len(names) or not varying:
        return [subject.name for subject in firsts]
    return names


def _axes(subject: Subject) -> dict[str, str]:
    info = subject.run.info
    machine = info.machine
    return {
        "platform": info.platform.upper(),
        "kernel": info.kernel.version or info.kernel.name or "unknown kernel",
        "series": info.series_name or "no series",
        "memory": mib(machine.memory),
        "cpus": f"{machine.cpus} vCPU{'s' if machine.cpus > 1 else ''}",
        "accept": machine.policy,
        "host": f"{info.host.backing} host pages, {info.host.assign}",
        "workload": workload_of(info.command_line) or "no workload",
        "attacks": "; ".join(info.attacks) or "honest host",
        "hotplug": "; ".join(info.hotplug) or "memory of the boot",
    }
