# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab campaign`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from acceptlab.toolkit.cli import completers
from acceptlab.toolkit.cli.many_runs import folder_option, jobs_option
from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.run_parameters import options_from, with_run_options
from acceptlab.toolkit.errors import BadInputError
from acceptlab.toolkit.places import cache
from acceptlab.toolkit.qemu import emulator_build

_GROUP = "Campaign"
_SAMPLE = re.compile(r"sample:(\d{1,5})")


@with_run_options
def campaign(
    kernel: Annotated[
        str,
        typer.Argument(
            metavar="KERNEL",
            help="Kernel, as `acceptlab run` takes it.",
            autocompletion=completers.kernels,
        ),
    ],
    *,
    act: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACTION",
            help="Malicious host action. May be repeated. Default: all.",
            rich_help_panel=_GROUP,
        ),
    ] = None,
    at: Annotated[
        str,
        typer.Option(
            metavar="MOMENTS",
            rich_help_panel=_GROUP,
            help="every: each action once at each kind of moment; sample:N: at N moments drawn by --seed.",
        ),
    ] = "every",
    jobs: Annotated[int | None, jobs_option(_GROUP)] = None,
    out: Annotated[Path | None, folder_option("campaign", _GROUP)] = None,
    as_json: AsJson = False,
    **given: Any,
) -> None:
    """Inject every malicious host action at every kind of moment, one in each run, and show what the guest noticed.

    A run without attacks comes first: it gives the kinds of moments (after an accept, by stage and function; at the beginning of
    each stage, on pages accepted before and later) and their pages. Runs that have ended are kept in the folder.

    Exit code: 0 all noticed or harmless; 1 an action was not noticed; 2 wrong usage or bad input; 3 this machine can't, or the run
    without attacks is not clean; 4 an action did not take place, or its result is not known; 5 a fault of acceptlab.
    """
    from acceptlab.analysis.report.campaign.campaign_text import as_text
    from acceptlab.toolkit.campaign import campaign as campaigns
    from acceptlab.toolkit.campaign.moments import acts_on
    from acceptlab.toolkit.runs.scheduler import room_here

    options = options_from(kernel, given)
    acts = acts_on(options.platform, act or ())
    sample = _sample(at)
    home = (
        out or cache() / "campaign" / f"{re.sub('[^A-Za-z0-9.-]', '_', kernel)}-{options.platform}"
    )
    sheet = campaigns.perform(options, acts, sample, emulator_build.ensure(), home, room_here(jobs))
    if as_json:
        print_json({**sheet.to_json(), "folder": str(home), "exit_code": sheet.exit_code})
    else:
        typer.echo(as_text(sheet))
        typer.echo(f"\n{home / campaigns.SHEET}")
    raise typer.Exit(sheet.exit_code)


def _sample(text: str) -> int | None:
    """Return N of sample:N, None for every."""
    if text == "every":
        return None
    found = _SAMPLE.fullmatch(text)
    if not found or not int(found[1]):
        raise BadInputError(f"--at {text}: must be every or sample:N")
    return int(found[1])
