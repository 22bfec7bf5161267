# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab estimate`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.replay import Runs
from acceptlab.toolkit.cli.run_parameters import choice
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.profiles import find_profile
from acceptlab.toolkit.progress import step
from acceptlab.toolkit.sizes import parse_size


def estimate(
    runs: Runs,
    memory: Annotated[str, typer.Option(help="Memory of the estimated guest, up to 12T.")] = "1T",
    cpus: Annotated[int, typer.Option(help="vCPUs of the estimated guest, up to 512.")] = 64,
    profile: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            autocompletion=completers.profiles,
            help="Whose prices: a name in profiles/, or a TOML file.",
        ),
    ] = "tdx-shutemov-2024",
    host_backing: Annotated[
        str,
        typer.Option(
            **choice("host_backing"),
            help="Host page size of the estimated guest. KVM maps private memory by 4K.",
        ),
    ] = "4K",
    as_json: AsJson = False,
) -> None:
    """Project what runs accepted to a size that cannot be run here: bytes, operations, and modelled times.

    Runs with several sizes of memory and numbers of vCPUs show how acceptance grows with each; with one run that is assumed. All
    assumptions are printed, and how far the profile is off where a published figure can check it.
    """
    from acceptlab.analysis.estimate.estimate import MOST_CPUS, MOST_MEMORY, Target, project
    from acceptlab.analysis.estimate.estimate_text import as_text
    from acceptlab.analysis.estimate.fit import boot_of
    from acceptlab.analysis.estimate.profile_check import check
    from acceptlab.analysis.measure.cost import measure
    from acceptlab.analysis.run.run_folder import Run

    size = parse_size(memory, what="--memory")
    if not 0 < size <= MOST_MEMORY:
        raise BadInputError(f"--memory {memory}: must be more than 0 and at most 12T")
    if not 1 <= cpus <= MOST_CPUS:
        raise BadInputError(f"--cpus {cpus}: must be 1 to {MOST_CPUS}")
    prices = find_profile(profile)
    boots = []
    for path in runs:
        run = Run.open(path)
        run.verify_events()
        with step(f"counting {path.name or path}") as shown:
            boots.append(boot_of(run, measure(run, shown.update)))
    found = project(boots, Target(size, cpus, host_backing), prices)
    if as_json:
        answer = asdict(found)
        answer["fit"]["measured"] = sorted(found.fit.measured)
        answer["source"] = [str(path.resolve()) for path in runs]
        answer["checked"] = [
            {**asdict(one), "standing": one.standing.value} for one in check(prices)
        ]
        print_json({"label": "modelled", **answer})
    else:
        typer.echo(as_text(found))
