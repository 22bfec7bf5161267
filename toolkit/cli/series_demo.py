# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab series demo`: the whole path of a series once through."""

from __future__ import annotations

from typing import Annotated

import typer

from acceptlab.toolkit.cli.many_runs import JobsOption
from acceptlab.toolkit.cli.series_options import SpecOption, applied, series_of
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.qemu import emulator_build
from acceptlab.toolkit.runs.scheduler import room_here
from acceptlab.toolkit.series.bundled import reference


def demo(
    series: Annotated[
        str, typer.Argument(metavar="[SERIES]", help="Default: the reference series.")
    ] = "",
    spec: SpecOption = None,
    jobs: JobsOption = None,
) -> None:
    """Fetch the base, apply and build the series, boot it on both platforms with every policy, check its last patch, compare it.

    The last two lines printed are the HTML pages: the policies, and the comparison. What is at hand from before is not made again.

    Exit code: 0 all clean, 1 findings or a problem of the last patch, 2 bad input, 3 this machine can't, 4 undecided, 5 a fault
    of acceptlab.
    """
    from acceptlab.analysis.report.kernels.kernels_text import as_text as bench_text
    from acceptlab.analysis.report.matrix.matrix_text import summary
    from acceptlab.toolkit.series.checks.check_text import as_text as check_text
    from acceptlab.toolkit.series.walkthrough import perform

    emulator = emulator_build.ensure()
    done = applied(series_of(series or reference(), spec, None, ""))
    home = cache() / "series" / done.series.name
    found = perform(done, emulator, room_here(jobs), home)
    for sweep in found.policies.sweeps:
        typer.echo(summary(sweep) + "\n")
    typer.echo(check_text(found.last_patch))
    typer.echo(bench_text(found.bench))
    typer.echo(home / "policies" / "matrix.html")
    typer.echo(home / "bench" / "bench.html")
    raise typer.Exit(found.exit_code)
