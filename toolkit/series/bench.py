# SPDX-License-Identifier: GPL-2.0-only
"""Make the runs of a comparison of kernels, and boil them down."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acceptlab.analysis.measure.cost_profile import Profile
from acceptlab.analysis.report.fairness import Build
from acceptlab.analysis.report.kernels.modelled_facts import before_userspace, fact_of, note
from acceptlab.analysis.report.kernels.summary import Bench, Missing, Sample, blocks_of
from acceptlab.analysis.report.matrix.columns import common_clock
from acceptlab.analysis.report.provenance_line import NOT_TIMES, Provenance, provenance_line
from acceptlab.analysis.run.platform import platform_of
from acceptlab.analysis.run.run_info import Host
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.kernels.resolve import resolve
from acceptlab.toolkit.qemu.emulator_build import Emulator
from acceptlab.toolkit.run.options import RunOptions
from acceptlab.toolkit.runs.run_cache import opened
from acceptlab.toolkit.runs.run_jobs import DONE, Result, make_all
from acceptlab.toolkit.runs.scheduler import Room
from acceptlab.toolkit.whole_files import write_whole

DOCUMENTS = ("bench.json", "bench.txt", "bench.md", "bench.html")
FACTS = ("accepts", "before_userspace", "accepted", "conversions", "faults", "to_userspace")
"""What is compared unless the user says otherwise."""
MOST_SEEDS = 99


@dataclass(frozen=True)
class Subject:
    """One kernel of a comparison: the name that tables show, and what `acceptlab run` is given."""

    name: str
    kernel: str


@dataclass(frozen=True)
class Plan:
    """What is to be compared. `options` holds everything but the kernel, the platform and the seed."""

    title: str
    subjects: Sequence[Subject]
    platforms: Sequence[str]
    seeds: Sequence[int]
    facts: Sequence[str]
    options: RunOptions
    profiles: Sequence[Profile] = ()
    """Cost profiles, each of which adds a modelled time on its platform."""
    command: str = ""
    """The shell line that makes the comparison again."""

    def runs(self) -> list[tuple[Subject, RunOptions]]:
        """Return every run, kernel by kernel."""
        return [
            (subject, replace(self.options, kernel=subject.kernel, platform=platform, seed=seed))
            for subject, platform, seed in itertools.product(
                self.subjects, self.platforms, self.seeds
            )
        ]

    @property
    def workload(self) -> str:
        """Return in a line what is run on each kernel."""
        o = self.options
        words = [o.memory, f"{o.cpus} vCPU{'s' if o.cpus > 1 else ''}", o.accept, o.append]
        words += [f"firmware accepts {o.firmware_accepts}", f"{o.backing} host pages"]
        return ", ".join(word for word in (*words, *o.workloads) if word) + "."


def subjects_of(texts: Sequence[str]) -> list[Subject]:
    """Return what the user named: KERNEL, or NAME=KERNEL. Raises BadInputError when two have the same name."""
    found = []
    for text in texts:
        name, equals, kernel = text.partition("=")
        if not name or (equals and not kernel):
            raise BadInputError(f"{text!r} is not a kernel: give KERNEL, or NAME=KERNEL")
        shown = name if equals else Path(name).name if "/" in name else name
        found.append(Subject(shown, kernel if equals else name))
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise BadInputError(f"two kernels are named {name}: give each a name, NAME=KERNEL")
    return found


def perform(plan: Plan, emulator: Emulator, out: Path, room: Room) -> tuple[Bench, list[Result]]:
    """Make what is missing, write the documents into `out`, and return the comparison and every run's result."""
    out = out.resolve()
    runs = plan.runs()
    with opened(out) as kept:
        wanted = [options for _, options in runs]
        results = make_all(wanted, kept, emulator, room, plan.title)
        bench = _boiled_down(plan, runs, results, out, emulator)
        _write(bench, out)
    return bench, results


def _boiled_down(
    plan: Plan,
    runs: Sequence[tuple[Subject, RunOptions]],
    results: Sequence[Result],
    out: Path,
    emulator: Emulator,
) -> Bench:
    samples, missing, troubles = [], [], []
    for (subject, options), result in zip(runs, results, strict=True):
        if result.state != DONE or result.folder is None:
            missing.append(Missing(subject.name, options.platform, result.reason))
            continue
        place = str(result.folder.relative_to(out))
        samples.append(
            Sample(
                subject.name,
                options.platform,
                options.seed,
                _facts(plan, options.platform, result),
                place,
                result.reproduce,
            )
        )
        if not result.clean:
            told = f"{result.facts['outcome']}, {result.facts['verdict']}"
            why = "; ".join(f"{one['invariant']} {one['title']}" for one in result.findings)
            why = why or "; ".join(result.undecided) or result.reason
            troubles.append(
                f"{subject.name} on {options.platform}, seed {options.seed}: {told}: {why}"
            )
    names = [subject.name for subject in plan.subjects]
    return Bench(
        plan.title,
        plan.workload,
        plan.seeds,
        [
            *blocks_of(samples, names, plan.platforms, plan.facts),
            *(
                block
                for profile in plan.profiles
                for block in blocks_of(samples, names, [profile.platform], [fact_of(profile)])
            ),
        ],
        samples,
        list(dict.fromkeys(missing)),
        troubles,
        [note(profile) for profile in plan.profiles],
        [_build(subject) for subject in plan.subjects],
        common_clock(result.clock for result in results if result.state == DONE) or "instructions",
        _provenance(plan, results, emulator),
    )


def _build(subject: Subject) -> Build:
    """Return how a kernel was made; of one that is not there nothing is known."""
    try:
        kernel = resolve(subject.kernel)
    except BadInputError:
        return Build(subject.name)
    commit = str((kernel.series or {}).get("commit", ""))
    return Build(
        subject.name, kernel.version, commit, kernel.configuration, kernel.compiler, kernel.sha256
    )


def _provenance(plan: Plan, results: Sequence[Result], emulator: Emulator) -> Provenance:
    version = emulator.build.get("qemu", "")
    options = plan.options
    line = provenance_line(
        platforms=[
            f"emulated {platform_of(name).title} guest (QEMU {version})" for name in plan.platforms
        ],
        hosts=[str(Host(options.backing, options.host_assign, options.host))],
        figures=f"{NOT_TIMES}, and modelled times, labelled so" if plan.profiles else NOT_TIMES,
        kernels=[_kernel_words(_build(subject)) for subject in plan.subjects],
        verdicts=[str(result.facts["verdict"]) for result in results if result.facts]
        or ["no runs"],
    )
    return Provenance(line, plan.command)


def _kernel_words(build: Build) -> str:
    which = f"commit {build.commit[:12]}" if build.commit else f"sha256 {build.sha256[:12]}"
    return " ".join(
        word for word in (build.name, build.version, which if build.sha256 else "") if word
    )


def _facts(plan: Plan, platform: str, result: Result) -> dict[str, Any]:
    """Return a run's facts, and a modelled time for each profile of its platform if it came as far as userspace."""
    if result.facts["to_userspace"] is None:
        return result.facts
    return result.facts | {
        fact_of(profile): before_userspace(result.counts, profile, platform)
        for profile in plan.profiles
        if profile.platform == platform
    }


def _write(bench: Bench, out: Path) -> None:
    from acceptlab.analysis.report.kernels.kernels_html import (
        as_html,  # plotly takes long to import
    )
    from acceptlab.analysis.report.kernels.kernels_text import as_markdown, as_text

    data = json.dumps(bench.to_json(), indent=2, ensure_ascii=False) + "\n"
    texts = (data, as_text(bench), as_markdown(bench), as_html(bench))
    for name, text in zip(DOCUMENTS, texts, strict=True):
        write_whole(out / name, text)
