# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab series bench`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.cli.many_runs import JobsOption
from acceptlab.toolkit.cli.output import AsJson
from acceptlab.toolkit.cli.run_parameters import PLATFORMS, choice, offered
from acceptlab.toolkit.cli.series_options import (
    RangeOption,
    SandboxOption,
    SpecOption,
    TreeOption,
    series_of,
)
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.run.declared_options import BY_POLICY
from acceptlab.toolkit.run.options import RunOptions


class Format(StrEnum):
    """What `series bench` can print; the folder gets all of them."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    HTML = "html"


_FILES = {
    Format.TEXT: "bench.txt",
    Format.MARKDOWN: "bench.md",
    Format.JSON: "bench.json",
    Format.HTML: "bench.html",
}


def bench(
    kernels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]KERNEL|SERIES...",
            help="Kernels in series order, base first (names as for `acceptlab run`); or a series.",
        ),
    ] = None,
    spec: SpecOption = None,
    tree: TreeOption = None,
    commits: RangeOption = "",
    every: Annotated[
        bool,
        typer.Option(
            "--every", help="Compare every patch of a series, not only the base and the last."
        ),
    ] = False,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Add the kernels that a series' spec compares with, after its own. They may be no fair pair with its base.",
        ),
    ] = False,
    platform: Annotated[
        list[str] | None,
        typer.Option(**choice("platform"), help="May be repeated. Default: both."),
    ] = None,
    memory: Annotated[str, typer.Option(help="RAM of the guest.")] = "4G",
    cpus: Annotated[int, typer.Option(help="Number of vCPUs.")] = 1,
    accept: Annotated[
        str, typer.Option(metavar="POLICY", autocompletion=offered("accept"), help="As for `run`.")
    ] = "lazy",
    firmware_accepts: Annotated[
        str, typer.Option(help="below-4g, minimal, minimal+N or all.")
    ] = "minimal",
    host: Annotated[str, typer.Option(**choice("host"), help="Host policy, as for `run`.")] = "kvm",
    host_backing: Annotated[
        str | None,
        typer.Option(
            **choice("host_backing"),
            help="Page size of the host's backing. Default: as --host has it.",
        ),
    ] = None,
    append: Annotated[
        str, typer.Option(metavar="TEXT", help="Additional kernel command line parameters.")
    ] = "",
    workload: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:ARG", help="Work to do in userspace. Default: touch:64M."),
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", help="Runs per kernel, seeds 1 to N.")] = 3,
    fact: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Fact to compare (see docs/matrix.md). May be repeated."),
    ] = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|FILE",
            autocompletion=completers.profiles,
            help="Add modelled times by the prices of this cost profile; may be repeated.",
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Heading of the comparison.")] = "Kernels compared",
    time_limit: Annotated[
        float, typer.Option(metavar="SECONDS", help="Stop a guest after this wall time.")
    ] = 600.0,
    form: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.TEXT,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the comparison. Default: a new one in the cache."
        ),
    ] = None,
    jobs: JobsOption = None,
    sandbox: SandboxOption = False,  # noqa: ARG001 (its callback acts)
    as_json: AsJson = False,
) -> None:
    """Run the same workload on several kernels, with several seeds, and compare the facts.

    With no argument in a kernel's git tree it is what that has on top of its upstream branch.
    A series stands for its base and its last patch (--every: each patch; --compare: what its spec compares with, too); they are
    built first, with one configuration, where they are not at hand. --tree and --range name one of your own repository.

    One table of facts by kernels: median, minimum and maximum over all seeds, and the change against the first kernel and the one
    before. A kernel of another configuration or compiler is named in the headline. Runs are kept, as those of a matrix are. The folder gets bench.txt, bench.md, bench.json and bench.html.

    Exit code: 0 all clean; 1 a run has findings or did not reach userspace; 2 wrong usage; 3 a kernel is missing, or this
    machine can't; 4 a run is undecided; 5 a fault of acceptlab.
    """
    from acceptlab.toolkit.matrix.sweep import worst
    from acceptlab.toolkit.matrix.sweep_spec import checked_columns
    from acceptlab.toolkit.profiles import find_profile
    from acceptlab.toolkit.runs.scheduler import room_here
    from acceptlab.toolkit.series.bench import FACTS, MOST_SEEDS, Plan, perform, subjects_of
    from acceptlab.toolkit.series.bench_subjects import expanded, kernels_of

    if not 1 <= seeds <= MOST_SEEDS:
        raise BadInputError(f"--seeds {seeds}: must be 1 to {MOST_SEEDS}")
    profiles = [find_profile(name) for name in profile or []]
    platforms = platform or list(PLATFORMS)
    for one in profiles:
        if one.platform not in platforms:
            raise BadInputError(
                f"--profile {one.name} is for {one.platform}, which has no runs: add --platform {one.platform}"
            )
    named = [] if tree is None and not commits and kernels else [series_of("", spec, tree, commits)]
    facts = checked_columns(fact or list(FACTS))
    options = RunOptions(
        "", platform=platforms[0], memory=memory, cpus=cpus, accept=accept, host=host,
        host_backing=host_backing or BY_POLICY, firmware_accepts=firmware_accepts, append=append,
        workloads=tuple(workload if workload is not None else ["touch:64M"]), time_limit=time_limit,
    )  # fmt: skip
    for where in platforms:
        replace(options, platform=where)  # what no guest can have is found before a kernel is built
    kernels = expanded(kernels or [], every, compare, lambda text: series_of(text, spec, None, ""))
    for series in named:
        kernels += kernels_of(series, every, compare)
    options = replace(options, kernel=kernels[0])
    plan = Plan(
        title, subjects_of(kernels), list(dict.fromkeys(platforms)), list(range(1, seeds + 1)), facts, options,
        profiles, shlex.join(["acceptlab", *sys.argv[1:]]),
    )  # fmt: skip
    room = room_here(jobs)
    home = out or cache() / "matrix" / "bench"
    _, results = perform(plan, emulator_build.ensure(), home, room)
    code = worst((one.state, one.code) for one in results)
    shown = Format.JSON if as_json else form
    typer.echo((home / _FILES[shown]).read_text(), nl=False)
    if shown is Format.TEXT:
        typer.echo(f"\n{home / _FILES[Format.HTML]}")
    raise typer.Exit(code)
