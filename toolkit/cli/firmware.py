# SPDX-License-Identifier: GPL-2.0-only
"""`acceptlab firmware`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from acceptlab.toolkit.cli.output import AsJson, print_json
from acceptlab.toolkit.cli.replay import Runs
from acceptlab.toolkit.errors import BadInputError


def firmware(runs: Runs, as_json: AsJson = False) -> None:
    """Compare what real firmware did before the kernel: memory accepted, conversions, exits, instructions, deviations.

    The runs must have real firmware (run --firmware). Counts are facts of the run; nothing here is a time.
    """
    from acceptlab.analysis.invariants.firmware_acts import firmware_acts
    from acceptlab.analysis.report.firmware_text import as_text
    from acceptlab.analysis.run.run_folder import (
        Run,  # loads pyarrow, which --help need not wait for
    )

    found = []
    for path in runs:
        run = Run.open(path)
        acts = firmware_acts(run)
        if run.info.firmware is None or acts is None:
            raise BadInputError(
                f"{path}: no events of real firmware; record it with --firmware ovmf"
            )
        found.append((path.name or str(path), run.info, acts))
    if as_json:
        print_json(
            [
                {
                    "run": name,
                    "firmware": info.firmware.title if info.firmware else "",
                    "exits": info.firmware.exits if info.firmware else None,
                    **asdict(acts),
                }
                for name, info, acts in found
            ]
        )
    else:
        typer.echo(as_text(found))
